-- +goose NO TRANSACTION
-- +goose Up

-- Without a transaction around them, these statements hold no lock for long, so users can sign in meanwhile. Each can run
-- again, because a migration that is interrupted continues.

-- credentials_copy repeats what servers of the previous release do with a password while the others are copied.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION credentials_copy() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
    VALUES (NEW.id, NEW.id, 'PASSWORD', NEW.password_hash, NEW.created_at, NEW.updated_at)
    ON CONFLICT (user_id, kind, key) DO UPDATE SET secret = excluded.secret, updated_at = excluded.updated_at;
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
            -- What users authenticate with. A password is one kind of credential.
            CREATE TABLE IF NOT EXISTS credentials (
                id         uuid        NOT NULL,
                user_id    uuid        NOT NULL,
                kind       text        NOT NULL,
                -- Identifies a credential among those of one kind. Empty for a password: a user has at most one.
                key        text        NOT NULL DEFAULT '',
                -- Verifies the credential. For a password: a PHC string (argon2id), or the bcrypt hash of an imported account.
                secret     text        NOT NULL,
                created_at timestamptz NOT NULL,
                updated_at timestamptz NOT NULL,

                CONSTRAINT credentials_pkey         PRIMARY KEY (id),
                CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
                CONSTRAINT credentials_key_unique   UNIQUE (user_id, kind, key), -- also finds the credentials of a user
                CONSTRAINT credentials_kind_check   CHECK (kind ~ '^[A-Z_]{1,50}$'),
                CONSTRAINT credentials_key_check    CHECK (length(key) <= 1000 AND (kind <> 'PASSWORD' OR key = '')),
                CONSTRAINT credentials_secret_check CHECK (length(secret) BETWEEN 1 AND 10000)
            );
            DROP TRIGGER IF EXISTS credentials_copy ON users;
            CREATE TRIGGER credentials_copy AFTER INSERT OR UPDATE OF password_hash ON users
                FOR EACH ROW WHEN (NEW.password_hash IS NOT NULL) EXECUTE FUNCTION credentials_copy();
            -- How the user authenticated: values of the claim amr (RFC 8176), separated by spaces. NULL for the password only.
            ALTER TABLE sessions
                ADD COLUMN IF NOT EXISTS methods text,
                DROP CONSTRAINT IF EXISTS sessions_methods_length,
                ADD CONSTRAINT sessions_methods_length CHECK (length(methods) <= 200) NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_methods_length;

-- The password of an existing user gets the user's ID. Each batch is a transaction. A user that somebody has locked is left
-- to the next round. The last round finds nobody to copy.
-- +goose StatementBegin
DO $$
DECLARE
    batch   uuid[];
    through uuid;
    missing bigint := 1;
BEGIN
    WHILE missing > 0 LOOP
        missing := 0;
        through := '00000000-0000-0000-0000-000000000000';
        LOOP
            SELECT array_agg(id ORDER BY id) INTO batch
            FROM (SELECT id FROM users WHERE id > through ORDER BY id LIMIT 1000) AS following;
            EXIT WHEN batch IS NULL;
            missing := missing + (SELECT count(*) FROM users WHERE id = ANY (batch) AND password_hash IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM credentials WHERE user_id = users.id AND kind = 'PASSWORD'));
            INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
            SELECT id, id, 'PASSWORD', password_hash, created_at, updated_at FROM users
            WHERE id = ANY (batch) AND password_hash IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM credentials WHERE user_id = users.id AND kind = 'PASSWORD')
            FOR KEY SHARE OF users SKIP LOCKED
            ON CONFLICT DO NOTHING;
            COMMIT;
            through := batch[array_upper(batch, 1)];
        END LOOP;
        PERFORM pg_sleep(0.1); -- for those that were locked
    END LOOP;
END
$$;
-- +goose StatementEnd

-- A user no longer needs a password. Servers of the previous release still read and write users.password_hash.
-- The next release copies the remaining values to credentials and drops the column.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;
            DROP TRIGGER IF EXISTS credentials_copy ON users;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
DROP FUNCTION IF EXISTS credentials_copy();
