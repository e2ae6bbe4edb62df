-- +goose Up

-- Keys are compared by their bytes, as in SQLite: so an index serves what begins with a text, and
-- lists have one order wherever the server runs. The key of the full name is what it is searched by.
ALTER TABLE users
    ALTER COLUMN username_key TYPE text COLLATE "C",
    ALTER COLUMN email_key TYPE text COLLATE "C",
    ADD COLUMN full_name_key text COLLATE "C"
        CONSTRAINT users_full_name_key_length CHECK (length(full_name_key) <= 600);
CREATE INDEX users_full_name_key_idx ON users (full_name_key);
-- Names from before, and those that a server of before writes meanwhile. The server computes their keys.
CREATE INDEX users_without_full_name_key_idx ON users (id) WHERE full_name IS NOT NULL AND full_name_key IS NULL;

-- The orders of the list of users. Those without the key come as if it were empty, which makes one
-- index serve every page in both directions.
ALTER TABLE users
    ADD COLUMN username_order text COLLATE "C" GENERATED ALWAYS AS (coalesce(username_key, '')) STORED,
    ADD COLUMN email_order text COLLATE "C" GENERATED ALWAYS AS (coalesce(email_key, '')) STORED;
CREATE INDEX users_username_order_id_idx ON users (username_order, id);
CREATE INDEX users_email_order_id_idx ON users (email_order, id);
-- The few that a list is often about: those who are more than what everybody is, and those who are shut out.
CREATE INDEX users_roles_idx ON users (id) WHERE roles <> 'USER';
CREATE INDEX users_disabled_idx ON users (id) WHERE disabled_at IS NOT NULL;

-- The sessions of who was shut out so far end as well, as they do from now on.
UPDATE sessions SET ended_at = (SELECT disabled_at FROM users WHERE users.id = sessions.user_id)
WHERE ended_at IS NULL AND user_id IN (SELECT id FROM users WHERE disabled_at IS NOT NULL);

-- Whoever updates its one row is the only one who may take an administrator away, until the end of
-- the transaction.
CREATE TABLE administration (
    id smallint NOT NULL,

    CONSTRAINT administration_pkey     PRIMARY KEY (id),
    CONSTRAINT administration_id_check CHECK (id = 1)
);
INSERT INTO administration (id) VALUES (1);

ALTER TABLE audit_events
    -- Who did it, when somebody was signed in; or whether it was a command on the server's machine.
    ADD COLUMN actor_id  uuid,
    ADD COLUMN operator  boolean NOT NULL DEFAULT false,
    ADD COLUMN client_id uuid,
    -- What the user got, as in users.
    ADD COLUMN roles     text
        CONSTRAINT audit_events_roles_check CHECK (roles !~ '[^A-Z_ ]')
        CONSTRAINT audit_events_roles_length CHECK (length(roles) <= 1000);
CREATE INDEX audit_events_user_id_id_idx ON audit_events (user_id, id);
CREATE INDEX audit_events_kind_id_idx ON audit_events (kind, id);

-- Rows are only ever added. An operator who drops old ones does so deliberately, as the table's owner:
--   BEGIN;
--   ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only;
--   DELETE FROM audit_events WHERE at < '2030-01-01';
--   ALTER TABLE audit_events ENABLE TRIGGER audit_events_append_only;
--   COMMIT;
-- +goose StatementBegin
CREATE FUNCTION audit_events_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit_events: rows are only ever added';
END
$$;
-- +goose StatementEnd
CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON audit_events
    FOR EACH ROW EXECUTE FUNCTION audit_events_refuse();
CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse();
