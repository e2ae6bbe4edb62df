-- +goose Up

-- The kinds of the user's credentials except the password, separated by spaces.
ALTER TABLE users ADD COLUMN factors text NOT NULL DEFAULT ''
    CONSTRAINT users_factors_check CHECK (length(factors) <= 200 AND factors NOT GLOB '*[^A-Z_ ]*');
-- When a factor was last removed; NULL for never.
ALTER TABLE users ADD COLUMN factor_removed_at text;
-- When the user's time to set up a second factor is over; NULL if it has not started.
ALTER TABLE users ADD COLUMN factor_due_at text;

-- What its owner calls it.
ALTER TABLE credentials ADD COLUMN name text
    CONSTRAINT credentials_name_length CHECK (length(name) <= 100);
-- For TOTP: the last time step that was accepted. For a passkey: its signature counter.
ALTER TABLE credentials ADD COLUMN counter integer NOT NULL DEFAULT 0;
-- What else belongs to the kind, in JSON.
ALTER TABLE credentials ADD COLUMN details text NOT NULL DEFAULT ''
    CONSTRAINT credentials_details_length CHECK (length(details) <= 4000);
-- NULL if it was never used.
ALTER TABLE credentials ADD COLUMN last_used_at text;

-- A passkey belongs to one account.
CREATE UNIQUE INDEX credentials_passkey_unique ON credentials (key) WHERE kind = 'PASSKEY';

-- The passkey that was used to sign in; NULL without one. A passkey may be removed, so this is no reference.
ALTER TABLE sessions ADD COLUMN passkey_id text;

-- Sign-ins and set-ups of factors that have begun and need another request to finish.
CREATE TABLE ceremonies (
    id           text    NOT NULL,
    purpose      text    NOT NULL,
    -- The SHA-256 digest of the text that the client presents to continue.
    token_digest blob    NOT NULL,
    -- NULL until it is known who signs in.
    user_id      text,
    -- What was proved or prepared so far, in JSON. Secrets in it are encrypted.
    details      text    NOT NULL DEFAULT '',
    -- How often somebody has tried to finish.
    tries        integer NOT NULL DEFAULT 0,
    created_at   text    NOT NULL,
    expires_at   text    NOT NULL,

    CONSTRAINT ceremonies_pkey                PRIMARY KEY (id),
    CONSTRAINT ceremonies_token_digest_unique UNIQUE (token_digest),
    CONSTRAINT ceremonies_user_id_fkey        FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT ceremonies_id_check            CHECK (length(id) = 36),
    CONSTRAINT ceremonies_purpose_check       CHECK (length(purpose) BETWEEN 1 AND 50 AND purpose NOT GLOB '*[^A-Z_]*'),
    CONSTRAINT ceremonies_token_digest_length CHECK (length(token_digest) = 32),
    CONSTRAINT ceremonies_details_length      CHECK (length(details) <= 4000)
) STRICT;

CREATE INDEX ceremonies_user_id_idx ON ceremonies (user_id) WHERE user_id IS NOT NULL;
-- Finds the rows that may go.
CREATE INDEX ceremonies_expires_at_idx ON ceremonies (expires_at);
