-- +goose NO TRANSACTION
-- +goose Up

-- Without a transaction around them, these statements hold no lock for long. Each can run again, because a migration that
-- is interrupted starts over.

-- Secrets that were mailed: a user who presents one can read mail to the address.
CREATE TABLE IF NOT EXISTS mailed_secrets (
    id              uuid        NOT NULL,
    purpose         text        NOT NULL,
    -- What the secret is about: a user, an address or both. A newer secret replaces the older one of its purpose.
    subject         text        NOT NULL,
    -- NULL for a secret without an account: a sign-up, an invitation, or one that nobody was mailed.
    user_id         uuid,
    -- The address to which the secret was mailed, as in users.
    address         text        NOT NULL,
    address_key     text        NOT NULL,
    -- The SHA-256 digest of the token in the link.
    token_digest    bytea       NOT NULL,
    -- The HMAC of the short code by a key of the server, the last time at which it is valid, and how often somebody has
    -- tried a code; NULL without a code.
    code_digest     bytea,
    code_expires_at timestamptz,
    code_tries      integer     NOT NULL DEFAULT 0,
    -- The SHA-256 digest of the value that the request for the secret returned; NULL if the code is valid without it.
    flow_digest     bytea,
    -- What else belongs to the purpose, in JSON.
    details         text        NOT NULL DEFAULT '',
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,

    CONSTRAINT mailed_secrets_pkey                PRIMARY KEY (id),
    CONSTRAINT mailed_secrets_subject_unique      UNIQUE (purpose, subject),
    CONSTRAINT mailed_secrets_token_digest_unique UNIQUE (token_digest),
    CONSTRAINT mailed_secrets_purpose_check       CHECK (purpose ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT mailed_secrets_subject_length      CHECK (length(subject) BETWEEN 1 AND 400),
    CONSTRAINT mailed_secrets_address_length      CHECK (length(address) <= 300 AND length(address_key) <= 300),
    CONSTRAINT mailed_secrets_digest_lengths      CHECK (
        length(token_digest) = 32 AND length(code_digest) = 32 AND length(flow_digest) = 32),
    CONSTRAINT mailed_secrets_code_check          CHECK ((code_digest IS NULL) = (code_expires_at IS NULL)),
    CONSTRAINT mailed_secrets_details_length      CHECK (length(details) <= 4000)
);

-- A new column needs users to itself for a moment, and a foreign key needs it without writers. While they wait for a
-- transaction that uses the table, such as that of pg_dump, all later statements wait behind them. So they give up after
-- half a second, let the others pass and try again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE users
                -- When the owner of the address confirmed it; NULL for an address that nobody has confirmed.
                ADD COLUMN IF NOT EXISTS email_verified_at timestamptz,
                -- The address to which the user's changes once it is confirmed.
                ADD COLUMN IF NOT EXISTS pending_email text,
                -- A language tag (BCP 47).
                ADD COLUMN IF NOT EXISTS locale text,
                -- When the account is deleted, because its user has asked for that; NULL otherwise.
                ADD COLUMN IF NOT EXISTS deletion_at timestamptz,
                -- Counts the changes of the user's credentials. A sign-in that has checked an older one is refused.
                ADD COLUMN IF NOT EXISTS credentials_version integer NOT NULL DEFAULT 0,
                DROP CONSTRAINT IF EXISTS users_pending_email_length,
                ADD CONSTRAINT users_pending_email_length CHECK (length(pending_email) <= 300) NOT VALID,
                DROP CONSTRAINT IF EXISTS users_locale_length,
                ADD CONSTRAINT users_locale_length CHECK (length(locale) <= 100) NOT VALID;
            ALTER TABLE mailed_secrets
                DROP CONSTRAINT IF EXISTS mailed_secrets_user_id_fkey,
                ADD CONSTRAINT mailed_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Finds the accounts to delete. An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS users_deletion_at_idx;
CREATE INDEX CONCURRENTLY users_deletion_at_idx ON users (deletion_at) WHERE deletion_at IS NOT NULL;

CREATE INDEX IF NOT EXISTS mailed_secrets_user_id_idx ON mailed_secrets (user_id) WHERE user_id IS NOT NULL;
-- Find the secret that a code belongs to.
CREATE INDEX IF NOT EXISTS mailed_secrets_address_key_idx ON mailed_secrets (address_key, purpose);
CREATE INDEX IF NOT EXISTS mailed_secrets_flow_digest_idx ON mailed_secrets (flow_digest) WHERE flow_digest IS NOT NULL;
-- Finds the rows that may go.
CREATE INDEX IF NOT EXISTS mailed_secrets_expires_at_idx ON mailed_secrets (expires_at);

-- The mails to send and the mails that were sent. A row is written in the transaction that causes the mail.
CREATE TABLE IF NOT EXISTS mail_messages (
    -- Also makes the Message-ID. Ids are UUIDs of version 7: their order is the order of creation.
    id              uuid        NOT NULL,
    kind            text        NOT NULL,
    state           text        NOT NULL,
    -- The user that the mail is about. A mail may outlive its user, so this is no reference.
    user_id         uuid,
    -- NULL until the server has looked up whether there is somebody to write to.
    recipient       text,
    recipient_key   text,
    -- The network that the request came from.
    asker           text,
    -- Whether content is that of the mail. Until then it is that of the request.
    prepared        boolean     NOT NULL,
    -- Encrypted by the server, because it may contain secrets; NULL once it is not needed.
    content         bytea,
    attempts        integer     NOT NULL DEFAULT 0,
    -- When the mail may be tried next. The server that tries to send it moves this ahead first, so that no other does.
    next_attempt_at timestamptz NOT NULL,
    last_error      text,
    created_at      timestamptz NOT NULL,
    sent_at         timestamptz,
    -- From then on the mail is of no use.
    expires_at      timestamptz NOT NULL,

    CONSTRAINT mail_messages_pkey              PRIMARY KEY (id),
    CONSTRAINT mail_messages_kind_check        CHECK (kind ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT mail_messages_state_check       CHECK (state ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT mail_messages_recipient_check   CHECK ((recipient IS NULL) = (recipient_key IS NULL)),
    CONSTRAINT mail_messages_recipient_length  CHECK (length(recipient) <= 300 AND length(recipient_key) <= 300),
    CONSTRAINT mail_messages_asker_length      CHECK (length(asker) <= 100),
    CONSTRAINT mail_messages_content_length    CHECK (length(content) <= 20000),
    CONSTRAINT mail_messages_last_error_length CHECK (length(last_error) <= 1000)
);

-- Finds what to send. Without statistics, SQLite takes the index below unless this one begins with the state too.
CREATE INDEX IF NOT EXISTS mail_messages_next_attempt_at_idx ON mail_messages (state, next_attempt_at, id) WHERE state = 'QUEUED';
-- Count what one network has asked for, and what one recipient gets.
CREATE INDEX IF NOT EXISTS mail_messages_asker_created_at_idx ON mail_messages (asker, created_at) WHERE asker IS NOT NULL;
CREATE INDEX IF NOT EXISTS mail_messages_recipient_key_created_at_idx ON mail_messages (recipient_key, created_at)
    WHERE recipient_key IS NOT NULL;
-- Finds the mails of a user.
CREATE INDEX IF NOT EXISTS mail_messages_user_id_id_idx ON mail_messages (user_id, id) WHERE user_id IS NOT NULL;
-- Finds the mails of a state, and the rows that may go.
CREATE INDEX IF NOT EXISTS mail_messages_state_id_idx ON mail_messages (state, id);
