-- +goose Up

-- A sign-in updates its user. With free space in the page that needs no entry in the indexes (PostgreSQL
-- documentation, Heap-Only Tuples).
ALTER TABLE users SET (fillfactor = 90);

-- The last sign-in. Servers of earlier releases left the column as it was, and the sessions know better. This
-- comes first: a sign-in locks its user before it adds its event.
UPDATE users SET last_login_at = (SELECT max(created_at) FROM sessions WHERE user_id = users.id)
WHERE EXISTS (
    SELECT 1 FROM sessions
    WHERE user_id = users.id AND (users.last_login_at IS NULL OR created_at > users.last_login_at));

-- What a failed sign-in tried. The server decides what may be kept: never what could be a password.
ALTER TABLE audit_events ADD COLUMN identifier text
    CONSTRAINT audit_events_identifier_length CHECK (length(identifier) <= 300);

-- Finds the events that a user caused.
CREATE INDEX audit_events_actor_id_id_idx ON audit_events (actor_id, id) WHERE actor_id IS NOT NULL;
