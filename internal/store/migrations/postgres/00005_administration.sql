-- +goose NO TRANSACTION
-- +goose Up

-- This rewrites the table of users. It was one transaction in earlier releases, in which nobody could sign in. Now the rows
-- are copied to a new table in batches, while a trigger repeats every change there, and the new table takes the name. The
-- result is the same. Each statement can run again, because a migration that is interrupted continues.

-- users_copy repeats a change of a user.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION users_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        DELETE FROM users_next WHERE id = OLD.id;
        RETURN NULL;
    END IF;
    INSERT INTO users_next (id, username, username_key, email, email_key, full_name, roles, password_hash, disabled_at,
        created_at, updated_at, last_login_at)
    VALUES (NEW.id, NEW.username, NEW.username_key, NEW.email, NEW.email_key, NEW.full_name, NEW.roles, NEW.password_hash,
        NEW.disabled_at, NEW.created_at, NEW.updated_at, NEW.last_login_at)
    ON CONFLICT (id) DO UPDATE SET username = excluded.username, username_key = excluded.username_key,
        email = excluded.email, email_key = excluded.email_key, full_name = excluded.full_name, roles = excluded.roles,
        password_hash = excluded.password_hash, disabled_at = excluded.disabled_at, created_at = excluded.created_at,
        updated_at = excluded.updated_at, last_login_at = excluded.last_login_at;
    RETURN NULL;
END
$$;
-- +goose StatementEnd

-- While a statement waits for a transaction that uses the table, such as that of pg_dump, all later statements wait behind
-- it. So it gives up after half a second, lets the others pass and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            EXIT WHEN to_regclass('users_next') IS NOT NULL OR EXISTS (
                SELECT 1 FROM pg_attribute WHERE attrelid = CAST('users' AS regclass) AND attname = 'email_order');
            -- Keys are compared by their bytes, as in SQLite: so an index serves what begins with a text, and lists have
            -- one order wherever the server runs. The key of the full name is what it is searched by.
            CREATE TABLE users_next (LIKE users INCLUDING DEFAULTS INCLUDING CONSTRAINTS);
            ALTER TABLE users_next
                ALTER COLUMN username_key TYPE text COLLATE "C",
                ALTER COLUMN email_key TYPE text COLLATE "C",
                ADD COLUMN full_name_key text COLLATE "C"
                    CONSTRAINT users_full_name_key_length CHECK (length(full_name_key) <= 600),
                -- The orders of the list of users. Those without the key come as if it were empty, which makes one index
                -- serve every page in both directions.
                ADD COLUMN username_order text COLLATE "C" GENERATED ALWAYS AS (coalesce(username_key, '')) STORED,
                ADD COLUMN email_order text COLLATE "C" GENERATED ALWAYS AS (coalesce(email_key, '')) STORED,
                ADD CONSTRAINT users_next_pkey PRIMARY KEY (id),
                ADD CONSTRAINT users_next_username_key_unique UNIQUE (username_key),
                ADD CONSTRAINT users_next_email_key_unique UNIQUE (email_key);
            CREATE INDEX users_full_name_key_idx ON users_next (full_name_key);
            -- Names from before, and those that a server of before writes meanwhile. The server computes their keys.
            CREATE INDEX users_without_full_name_key_idx ON users_next (id) WHERE full_name IS NOT NULL AND full_name_key IS NULL;
            CREATE INDEX users_username_order_id_idx ON users_next (username_order, id);
            CREATE INDEX users_email_order_id_idx ON users_next (email_order, id);
            -- The few that a list is often about: those with more than the role of everybody, and disabled ones.
            CREATE INDEX users_roles_idx ON users_next (id) WHERE roles <> 'USER';
            CREATE INDEX users_disabled_idx ON users_next (id) WHERE disabled_at IS NOT NULL;
            CREATE TRIGGER users_copy AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION users_copy();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Each batch is a transaction. Its locks let users sign in, but no user be deleted: the trigger would not find the row to
-- delete. A user that somebody has locked is left to the next round. The last round finds nobody to copy.
-- +goose StatementBegin
DO $$
DECLARE
    batch   uuid[];
    through uuid;
    missing bigint := 1;
BEGIN
    WHILE missing > 0 AND to_regclass('users_next') IS NOT NULL LOOP
        missing := 0;
        through := '00000000-0000-0000-0000-000000000000';
        LOOP
            SELECT array_agg(id ORDER BY id) INTO batch
            FROM (SELECT id FROM users WHERE id > through ORDER BY id LIMIT 1000) AS following;
            EXIT WHEN batch IS NULL;
            missing := missing + (SELECT count(*) FROM unnest(batch) AS present (id)
                WHERE NOT EXISTS (SELECT 1 FROM users_next WHERE users_next.id = present.id));
            INSERT INTO users_next (id, username, username_key, email, email_key, full_name, roles, password_hash, disabled_at,
                created_at, updated_at, last_login_at)
            SELECT id, username, username_key, email, email_key, full_name, roles, password_hash, disabled_at,
                created_at, updated_at, last_login_at
            FROM users
            WHERE id = ANY (batch) AND NOT EXISTS (SELECT 1 FROM users_next WHERE users_next.id = users.id)
            FOR KEY SHARE OF users SKIP LOCKED
            ON CONFLICT (id) DO NOTHING;
            COMMIT;
            through := batch[array_upper(batch, 1)];
        END LOOP;
        PERFORM pg_sleep(0.1); -- for those that were locked
    END LOOP;
    IF to_regclass('users_next') IS NOT NULL THEN
        EXECUTE 'ANALYZE users_next';
    END IF;
END
$$;
-- +goose StatementEnd

-- The new table takes the name, the reference of the sessions and the privileges.
-- +goose StatementBegin
DO $$
DECLARE
    owner     text;
    privilege record;
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            EXIT WHEN to_regclass('users_next') IS NULL;
            LOCK TABLE users, sessions IN ACCESS EXCLUSIVE MODE;
            FOR privilege IN
                SELECT privilege_type, is_grantable, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee
                FROM pg_class, aclexplode(relacl) WHERE oid = CAST('users' AS regclass) AND grantee <> relowner
            LOOP
                EXECUTE format('GRANT %s ON users_next TO %s%s', privilege.privilege_type, privilege.grantee,
                    CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
            END LOOP;
            owner := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = CAST('users' AS regclass));
            IF owner <> current_user THEN
                EXECUTE format('ALTER TABLE users_next OWNER TO %I', owner);
            END IF;
            ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey;
            DROP TABLE users;
            ALTER TABLE users_next RENAME TO users;
            ALTER TABLE users RENAME CONSTRAINT users_next_pkey TO users_pkey;
            ALTER TABLE users RENAME CONSTRAINT users_next_username_key_unique TO users_username_key_unique;
            ALTER TABLE users RENAME CONSTRAINT users_next_email_key_unique TO users_email_key_unique;
            ALTER TABLE sessions ADD CONSTRAINT sessions_user_id_fkey
                FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION IF EXISTS users_copy();
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_user_id_fkey;

-- The sessions of disabled users end as well, as they do from now on.
-- +goose StatementBegin
DO $$
DECLARE
    batch   uuid[];
    through uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        SELECT array_agg(id ORDER BY id) INTO batch
        FROM (SELECT id FROM users WHERE disabled_at IS NOT NULL AND id > through ORDER BY id LIMIT 1000) AS following;
        EXIT WHEN batch IS NULL;
        UPDATE sessions SET ended_at = (SELECT disabled_at FROM users WHERE users.id = sessions.user_id)
        WHERE ended_at IS NULL AND user_id = ANY (batch);
        COMMIT;
        through := batch[array_upper(batch, 1)];
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Whoever updates its one row is the only one who may take an administrator away, until the end of
-- the transaction.
CREATE TABLE IF NOT EXISTS administration (
    id smallint NOT NULL,

    CONSTRAINT administration_pkey     PRIMARY KEY (id),
    CONSTRAINT administration_id_check CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1) ON CONFLICT (id) DO NOTHING;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events: rows are only ever added';
END
$$;
-- +goose StatementEnd
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE audit_events
                -- Who did it, when somebody was signed in; or whether it was a command on the server's machine.
                ADD COLUMN IF NOT EXISTS actor_id  uuid,
                ADD COLUMN IF NOT EXISTS operator  boolean NOT NULL DEFAULT false,
                ADD COLUMN IF NOT EXISTS client_id uuid,
                -- What the user got, as in users.
                ADD COLUMN IF NOT EXISTS roles     text,
                DROP CONSTRAINT IF EXISTS audit_events_roles_check,
                ADD CONSTRAINT audit_events_roles_check CHECK (roles !~ '[^A-Z_ ]') NOT VALID,
                DROP CONSTRAINT IF EXISTS audit_events_roles_length,
                ADD CONSTRAINT audit_events_roles_length CHECK (length(roles) <= 1000) NOT VALID;
            -- Rows are only ever added.
            DROP TRIGGER IF EXISTS audit_events_append_only ON audit_events;
            CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
                FOR EACH ROW EXECUTE FUNCTION audit_events_refuse();
            DROP TRIGGER IF EXISTS audit_events_no_truncate ON audit_events;
            CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
                FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
ALTER TABLE audit_events VALIDATE CONSTRAINT audit_events_roles_check, VALIDATE CONSTRAINT audit_events_roles_length;
-- An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS audit_events_user_id_id_idx;
CREATE INDEX CONCURRENTLY audit_events_user_id_id_idx ON audit_events (user_id, id);
DROP INDEX CONCURRENTLY IF EXISTS audit_events_kind_id_idx;
CREATE INDEX CONCURRENTLY audit_events_kind_id_idx ON audit_events (kind, id);
