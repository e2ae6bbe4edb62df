-- +goose Up

-- Checks of a password in a row, without a success. A row is written before the password is hashed, and
-- a success deletes those of the account.
CREATE TABLE password_attempts (
    -- The kind and the account, or the digest of a name that no account has.
    key     text    NOT NULL,
    -- NULL for a name that no account has. Such a row is deleted when it is old, those of an account are not.
    user_id text,
    count   integer NOT NULL,
    last_at text    NOT NULL,

    CONSTRAINT password_attempts_pkey         PRIMARY KEY (key),
    CONSTRAINT password_attempts_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT password_attempts_key_length   CHECK (length(key) <= 300),
    CONSTRAINT password_attempts_count_check  CHECK (count > 0)
) STRICT;

-- Finds the rows of an account.
CREATE INDEX password_attempts_user_id_idx ON password_attempts (user_id) WHERE user_id IS NOT NULL;
-- Finds the rows that may go.
CREATE INDEX password_attempts_last_at_idx ON password_attempts (last_at) WHERE user_id IS NULL;

-- login_failures, which this takes the place of, stays for servers of the release before. The next
-- release drops it.
