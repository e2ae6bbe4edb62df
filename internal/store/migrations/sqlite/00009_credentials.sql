-- +goose Up

-- What users authenticate with. A password is one kind of credential.
CREATE TABLE credentials (
    id         text NOT NULL,
    user_id    text NOT NULL,
    kind       text NOT NULL,
    -- Identifies a credential among those of one kind. Empty for a password: a user has at most one.
    key        text NOT NULL DEFAULT '',
    -- Verifies the credential. For a password: a PHC string (argon2id), or the bcrypt hash of an imported account.
    secret     text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL,

    CONSTRAINT credentials_pkey         PRIMARY KEY (id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT credentials_key_unique   UNIQUE (user_id, kind, key), -- also finds the credentials of a user
    CONSTRAINT credentials_kind_check   CHECK (length(kind) BETWEEN 1 AND 50 AND kind NOT GLOB '*[^A-Z_]*'),
    CONSTRAINT credentials_id_check     CHECK (length(id) = 36),
    CONSTRAINT credentials_key_check    CHECK (length(key) <= 1000 AND (kind <> 'PASSWORD' OR key = '')),
    CONSTRAINT credentials_secret_check CHECK (length(secret) BETWEEN 1 AND 10000)
) STRICT;

-- The password of an existing user gets the user's ID.
INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
SELECT id, id, 'PASSWORD', password_hash, created_at, updated_at FROM users;

-- A user no longer needs a password. Servers of the previous release still read and write users.password_hash.
-- The next release copies the remaining values to credentials and drops the column.
-- SQLite cannot drop NOT NULL with a statement. Its documentation describes this procedure for changes that do
-- not affect the stored rows (https://www.sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'password_hash text NOT NULL', 'password_hash text')
WHERE type = 'table' AND name = 'users';
PRAGMA writable_schema = RESET;

-- How the user authenticated: values of the claim amr (RFC 8176), separated by spaces. NULL for the password only.
ALTER TABLE sessions ADD COLUMN methods text
    CONSTRAINT sessions_methods_length CHECK (length(methods) <= 200);
