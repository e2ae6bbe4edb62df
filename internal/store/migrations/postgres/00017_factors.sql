-- +goose NO TRANSACTION
-- +goose Up

-- Without a transaction around them, these statements hold no lock for long. Each can run again, because a migration that
-- is interrupted starts over.

-- Sign-ins and set-ups of factors that have begun and need another request to finish.
CREATE TABLE IF NOT EXISTS ceremonies (
    id           uuid        NOT NULL,
    purpose      text        NOT NULL,
    -- The SHA-256 digest of the text that the client presents to continue.
    token_digest bytea       NOT NULL,
    -- NULL until it is known who signs in.
    user_id      uuid,
    -- What was proved or prepared so far, in JSON. Secrets in it are encrypted.
    details      text        NOT NULL DEFAULT '',
    -- How often somebody has tried to finish.
    tries        integer     NOT NULL DEFAULT 0,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,

    CONSTRAINT ceremonies_pkey                PRIMARY KEY (id),
    CONSTRAINT ceremonies_token_digest_unique UNIQUE (token_digest),
    CONSTRAINT ceremonies_purpose_check       CHECK (purpose ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT ceremonies_token_digest_length CHECK (length(token_digest) = 32),
    CONSTRAINT ceremonies_details_length      CHECK (length(details) <= 4000)
);

-- A new column needs its table to itself for a moment, and a foreign key needs it without writers. While they wait for a
-- transaction that uses the table, such as that of pg_dump, all later statements wait behind them. So they give up after
-- half a second, let the others pass and try again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE users
                -- The kinds of the user's credentials except the password, separated by spaces.
                ADD COLUMN IF NOT EXISTS factors text NOT NULL DEFAULT '',
                -- When a factor was last removed; NULL for never.
                ADD COLUMN IF NOT EXISTS factor_removed_at timestamptz,
                -- When the user's time to set up a second factor is over; NULL if it has not started.
                ADD COLUMN IF NOT EXISTS factor_due_at timestamptz,
                DROP CONSTRAINT IF EXISTS users_factors_check,
                ADD CONSTRAINT users_factors_check CHECK (factors ~ '^[A-Z_ ]{0,200}$') NOT VALID;
            ALTER TABLE credentials
                -- What its owner calls it.
                ADD COLUMN IF NOT EXISTS name text,
                -- For TOTP: the last time step that was accepted. For a passkey: its signature counter.
                ADD COLUMN IF NOT EXISTS counter bigint NOT NULL DEFAULT 0,
                -- What else belongs to the kind, in JSON.
                ADD COLUMN IF NOT EXISTS details text NOT NULL DEFAULT '',
                -- NULL if it was never used.
                ADD COLUMN IF NOT EXISTS last_used_at timestamptz,
                DROP CONSTRAINT IF EXISTS credentials_lengths,
                ADD CONSTRAINT credentials_lengths CHECK (length(name) <= 100 AND length(details) <= 4000) NOT VALID;
            ALTER TABLE sessions
                -- The passkey that was used to sign in; NULL without one. A passkey may be removed, so this is no reference.
                ADD COLUMN IF NOT EXISTS passkey_id uuid;
            ALTER TABLE ceremonies
                DROP CONSTRAINT IF EXISTS ceremonies_user_id_fkey,
                ADD CONSTRAINT ceremonies_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

CREATE INDEX IF NOT EXISTS ceremonies_user_id_idx ON ceremonies (user_id) WHERE user_id IS NOT NULL;
-- Finds the rows that may go.
CREATE INDEX IF NOT EXISTS ceremonies_expires_at_idx ON ceremonies (expires_at);

-- A passkey belongs to one account. An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS credentials_passkey_unique;
CREATE UNIQUE INDEX CONCURRENTLY credentials_passkey_unique ON credentials (key) WHERE kind = 'PASSKEY';
