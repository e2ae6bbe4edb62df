-- +goose Up

-- What users authenticate with. A password is one kind of credential.
CREATE TABLE credentials (
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    kind       text        NOT NULL,
    -- Identifies a credential among those of one kind. Empty for a password: a user has at most one.
    key        text        NOT NULL DEFAULT '',
    -- Verifies the credential. For a password: a PHC string (argon2id), or the bcrypt hash of an imported account.
    secret     text        NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,

    CONSTRAINT credentials_pkey         PRIMARY KEY (id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT credentials_key_unique   UNIQUE (user_id, kind, key), -- also finds the credentials of a user
    CONSTRAINT credentials_kind_check   CHECK (kind ~ '^[A-Z_]{1,50}$'),
    CONSTRAINT credentials_key_check    CHECK (length(key) <= 1000 AND (kind <> 'PASSWORD' OR key = '')),
    CONSTRAINT credentials_secret_check CHECK (length(secret) BETWEEN 1 AND 10000)
);

-- The password of an existing user gets the user's ID.
INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
SELECT id, id, 'PASSWORD', password_hash, created_at, updated_at FROM users;

-- A user no longer needs a password. Servers of the previous release still read and write users.password_hash.
-- The next release copies the remaining values to credentials and drops the column.
ALTER TABLE users ALTER COLUMN password_hash DROP NOT NULL;

-- How the user authenticated: values of the claim amr (RFC 8176), separated by spaces. NULL for the password only.
ALTER TABLE sessions ADD COLUMN methods text
    CONSTRAINT sessions_methods_length CHECK (length(methods) <= 200);
