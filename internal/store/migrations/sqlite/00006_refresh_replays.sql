-- +goose Up

-- auth_time is the time of the sign-in. Older servers raised it in reauthenticate.
UPDATE sessions SET auth_time = created_at WHERE auth_time > created_at;

-- refresh_generation, and a digest of the client that used its predecessor. Older servers leave it as it is.
ALTER TABLE sessions ADD COLUMN rotated_by text
    CONSTRAINT sessions_rotated_by_length CHECK (length(rotated_by) BETWEEN 1 AND 100);
-- How often that predecessor was presented again since then.
ALTER TABLE sessions ADD COLUMN refresh_replays integer NOT NULL DEFAULT 0;

-- What the client that sent the request calls itself.
ALTER TABLE audit_events ADD COLUMN user_agent text
    CONSTRAINT audit_events_user_agent_length CHECK (length(user_agent) <= 1000);
