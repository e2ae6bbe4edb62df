-- +goose Up

-- Which secrets the servers have used. A secret is named by a fingerprint, which does not reveal it. Rows are not deleted:
-- without its row, a secret that has ended would be accepted again.
CREATE TABLE server_secrets (
    fingerprint   text        NOT NULL,
    -- When a server first used the secret for something new, and last recorded that it does.
    first_used_at timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL,
    -- When everything that was made with it has expired.
    good_until    timestamptz NOT NULL,

    CONSTRAINT server_secrets_pkey              PRIMARY KEY (fingerprint),
    CONSTRAINT server_secrets_fingerprint_check CHECK (length(fingerprint) = 16)
);
