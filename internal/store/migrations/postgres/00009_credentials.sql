-- +goose Up

-- What users authenticate with. A password is one kind; others have rows of their own kind.
CREATE TABLE credentials (
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    kind       text        NOT NULL,
    -- Tells the credentials of one kind apart. Empty for a password: an account has one at most.
    key        text        NOT NULL DEFAULT '',
    -- What checks it. Of a password: a PHC string (argon2id), or the bcrypt hash of an imported account.
    secret     text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,

    CONSTRAINT credentials_pkey         PRIMARY KEY (id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT credentials_key_unique   UNIQUE (user_id, kind, key), -- finds those of a user, too
    CONSTRAINT credentials_kind_check   CHECK (kind ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT credentials_key_check    CHECK (length(key) <= 1000 AND (kind <> 'PASSWORD' OR key = '')),
    CONSTRAINT credentials_secret_check CHECK (length(secret) BETWEEN 1 AND 10000)
);

-- The password of an account that exists already has the account's id.
INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
SELECT id, id, 'PASSWORD', password_hash, created_at, updated_at FROM users;

-- An account need not have a password any more. users.password_hash stays for servers of the release before,
-- which read it and write it; the next release copies what is left in it, and drops it.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

-- How the user authenticated, as in the claim amr (RFC 8176), separated by spaces; NULL for the password alone.
ALTER TABLE sessions ADD COLUMN methods text
    CONSTRAINT sessions_methods_length CHECK (length(methods) <= 200);
