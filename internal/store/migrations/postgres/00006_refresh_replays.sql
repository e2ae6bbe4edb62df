-- +goose NO TRANSACTION
-- +goose Up

-- Without a transaction around them, these statements hold no lock for long, so users can sign in meanwhile. Each can run
-- again, because a migration that is interrupted starts over. While an ALTER TABLE waits for a transaction that uses the
-- table, such as that of pg_dump, all later statements wait behind it. So it gives up after half a second, lets the others
-- pass and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE sessions
                -- refresh_generation, and a digest of the client that used its predecessor. Older servers leave it as it is.
                ADD COLUMN IF NOT EXISTS rotated_by      text,
                DROP CONSTRAINT IF EXISTS sessions_rotated_by_length,
                ADD CONSTRAINT sessions_rotated_by_length CHECK (length(rotated_by) BETWEEN 1 AND 100) NOT VALID,
                -- How often that predecessor was presented again since then.
                ADD COLUMN IF NOT EXISTS refresh_replays integer NOT NULL DEFAULT 0;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
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
                -- What the client that sent the request calls itself.
                ADD COLUMN IF NOT EXISTS user_agent text,
                DROP CONSTRAINT IF EXISTS audit_events_user_agent_length,
                ADD CONSTRAINT audit_events_user_agent_length CHECK (length(user_agent) <= 1000) NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
ALTER TABLE sessions VALIDATE CONSTRAINT sessions_rotated_by_length;
ALTER TABLE audit_events VALIDATE CONSTRAINT audit_events_user_agent_length;

-- auth_time is the time of the sign-in. Older servers raised it in reauthenticate. Each batch is a transaction. It skips the
-- sessions that others have locked, because waiting for them could end in a deadlock, and takes them in the next round.
-- +goose StatementBegin
DO $$
DECLARE
    batch   uuid[];
    through uuid;
    raised  bigint := 1;
BEGIN
    WHILE raised > 0 LOOP
        raised := 0;
        through := '00000000-0000-0000-0000-000000000000';
        LOOP
            SELECT array_agg(id ORDER BY id) INTO batch
            FROM (SELECT id FROM sessions WHERE id > through ORDER BY id LIMIT 1000) AS following;
            EXIT WHEN batch IS NULL;
            raised := raised + (SELECT count(*) FROM sessions WHERE id = ANY (batch) AND auth_time > created_at);
            UPDATE sessions SET auth_time = created_at WHERE id = ANY (ARRAY(
                SELECT id FROM sessions WHERE id = ANY (batch) AND auth_time > created_at FOR NO KEY UPDATE SKIP LOCKED));
            COMMIT;
            through := batch[array_upper(batch, 1)];
        END LOOP;
        PERFORM pg_sleep(0.1); -- for those that were locked
    END LOOP;
END
$$;
-- +goose StatementEnd
