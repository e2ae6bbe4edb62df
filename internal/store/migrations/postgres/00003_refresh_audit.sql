-- +goose Up

-- Refresh tokens. The token holds a secret of its session; here is only the secret's SHA-256 digest,
-- NULL in sessions that began before there were any. Each use makes the next generation valid.
ALTER TABLE sessions ADD COLUMN secret_digest bytea
    CONSTRAINT sessions_secret_digest_length CHECK (length(secret_digest) = 32);
ALTER TABLE sessions ADD COLUMN refresh_generation bigint NOT NULL DEFAULT 0;
-- When the predecessor of that generation was used.
ALTER TABLE sessions ADD COLUMN rotated_at timestamptz;
-- Finds the rows that may go.
CREATE INDEX sessions_ended_at_idx ON sessions (ended_at) WHERE ended_at IS NOT NULL;

ALTER TABLE users ADD COLUMN last_login_at timestamptz;

CREATE INDEX login_failures_last_at_idx ON login_failures (last_at);

-- What happened to whom, for auditors. Rows are only ever added, and outlive what they are about,
-- so they refer to nothing.
CREATE TABLE audit_events (
    id         uuid NOT NULL,
    at         timestamptz NOT NULL,
    kind       text NOT NULL,
    user_id    uuid,
    session_id uuid,
    ip_address text,
    request_id text,

    CONSTRAINT audit_events_pkey              PRIMARY KEY (id),
    CONSTRAINT audit_events_kind_length       CHECK (length(kind) BETWEEN 1 AND 100),
    CONSTRAINT audit_events_ip_address_length CHECK (length(ip_address) <= 100),
    CONSTRAINT audit_events_request_id_length CHECK (length(request_id) <= 100)
);
