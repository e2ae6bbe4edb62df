-- +goose Up

-- What the full name is searched by.
ALTER TABLE users ADD COLUMN full_name_key text
    CONSTRAINT users_full_name_key_length CHECK (length(full_name_key) <= 600);
CREATE INDEX users_full_name_key_idx ON users (full_name_key);
-- Names from before, and those that a server of before writes meanwhile. The server computes their keys.
CREATE INDEX users_without_full_name_key_idx ON users (id) WHERE full_name IS NOT NULL AND full_name_key IS NULL;

-- The orders of the list of users. Those without the key come as if it were empty, which makes one
-- index serve every page in both directions. (SQLite would not seek by an index on the expressions.)
ALTER TABLE users ADD COLUMN username_order text GENERATED ALWAYS AS (coalesce(username_key, '')) VIRTUAL;
ALTER TABLE users ADD COLUMN email_order text GENERATED ALWAYS AS (coalesce(email_key, '')) VIRTUAL;
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
    id integer NOT NULL,

    CONSTRAINT administration_pkey     PRIMARY KEY (id),
    CONSTRAINT administration_id_check CHECK (id = 1)
) STRICT;
INSERT INTO administration (id) VALUES (1);

-- Who did it, when somebody was signed in; or whether it was a command on the server's machine.
ALTER TABLE audit_events ADD COLUMN actor_id text;
ALTER TABLE audit_events ADD COLUMN operator integer NOT NULL DEFAULT 0
    CONSTRAINT audit_events_operator_check CHECK (operator IN (0, 1));
ALTER TABLE audit_events ADD COLUMN client_id text;
-- What the user got, as in users.
ALTER TABLE audit_events ADD COLUMN roles text
    CONSTRAINT audit_events_roles_check CHECK (roles NOT GLOB '*[^A-Z_ ]*')
    CONSTRAINT audit_events_roles_length CHECK (length(roles) <= 1000);
CREATE INDEX audit_events_user_id_id_idx ON audit_events (user_id, id);
CREATE INDEX audit_events_kind_id_idx ON audit_events (kind, id);

-- Rows are only ever added. An operator who drops old ones does so deliberately: in one transaction,
-- DROP TRIGGER audit_events_no_delete, DELETE, and the trigger's CREATE as below.
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_update BEFORE UPDATE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit_events: rows are only ever added');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
BEGIN
    SELECT RAISE(ABORT, 'audit_events: rows are only ever added');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without asking the trigger above.
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_replace BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_events: rows are only ever added');
END;
-- +goose StatementEnd
