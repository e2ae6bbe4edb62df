-- +goose Up

ALTER TABLE sessions
    -- refresh_generation, and a digest of the client that used its predecessor. Older servers leave it as it is.
    ADD COLUMN rotated_by      text
        CONSTRAINT sessions_rotated_by_length CHECK (length(rotated_by) BETWEEN 1 AND 100),
    -- How often that predecessor was presented again since then.
    ADD COLUMN refresh_replays integer NOT NULL DEFAULT 0;

ALTER TABLE audit_events
    -- What the client that sent the request calls itself.
    ADD COLUMN user_agent text
        CONSTRAINT audit_events_user_agent_length CHECK (length(user_agent) <= 1000);

-- auth_time is the time of the sign-in. Older servers raised it in reauthenticate. This comes last: one of them
-- that has locked a row of sessions would otherwise wait for this transaction, and this one for it.
UPDATE sessions SET auth_time = created_at WHERE auth_time > created_at;
