-- +goose NO TRANSACTION
-- +goose Up

-- Without a transaction around them, these statements hold no lock for long, so users can sign in meanwhile. Each can
-- run again, because a migration that is interrupted starts over.

-- A sign-in updates its user. With free space in the page that needs no entry in the indexes (PostgreSQL
-- documentation, Heap-Only Tuples).
ALTER TABLE users SET (fillfactor = 90);

-- What a failed sign-in tried. The server decides what may be kept: never what could be a password.
--
-- While a statement waits for a transaction that uses the table, such as that of pg_dump, all later statements wait behind
-- it. So it gives up after half a second, lets the others pass and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE audit_events
                ADD COLUMN IF NOT EXISTS identifier text,
                DROP CONSTRAINT IF EXISTS audit_events_identifier_length,
                ADD CONSTRAINT audit_events_identifier_length CHECK (length(identifier) <= 300) NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Finds the events that a user caused. An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS audit_events_actor_id_id_idx;
CREATE INDEX CONCURRENTLY audit_events_actor_id_id_idx ON audit_events (actor_id, id) WHERE actor_id IS NOT NULL;

-- The last sign-in. Servers of earlier releases left the column as it was, and the sessions know better. Each batch is
-- a transaction. It skips the users that others have locked: waiting for them could end in a deadlock. The batch is an
-- array, so that PostgreSQL looks its users up in the index, whatever it estimates.
-- +goose StatementBegin
DO $$
DECLARE
    batch   uuid[];
    through uuid := '00000000-0000-0000-0000-000000000000';
BEGIN
    LOOP
        SELECT array_agg(id ORDER BY id) INTO batch
        FROM (SELECT id FROM users WHERE id > through ORDER BY id LIMIT 1000) AS following;
        EXIT WHEN batch IS NULL;
        UPDATE users SET last_login_at = (SELECT max(created_at) FROM sessions WHERE user_id = users.id)
        WHERE id = ANY (ARRAY(
            SELECT id FROM users AS stale
            WHERE id = ANY (batch) AND EXISTS (
                SELECT 1 FROM sessions
                WHERE user_id = stale.id AND (stale.last_login_at IS NULL OR created_at > stale.last_login_at))
            FOR NO KEY UPDATE SKIP LOCKED));
        COMMIT;
        through := batch[array_upper(batch, 1)];
    END LOOP;
END
$$;
-- +goose StatementEnd
