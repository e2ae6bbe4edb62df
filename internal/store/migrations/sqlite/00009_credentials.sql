-- +goose Up

-- What users authenticate with. A password is one kind; others have rows of their own kind.
CREATE TABLE credentials (
    id         text NOT NULL,
    user_id    text NOT NULL,
    kind       text NOT NULL,
    -- Tells the credentials of one kind apart. Empty for a password: an account has one at most.
    key        text NOT NULL DEFAULT '',
    -- What checks it. Of a password: a PHC string (argon2id), or the bcrypt hash of an imported account.
    secret     text NOT NULL,
    created_at text NOT NULL,
    updated_at text NOT NULL,

    CONSTRAINT credentials_pkey         PRIMARY KEY (id),
    CONSTRAINT credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT credentials_key_unique   UNIQUE (user_id, kind, key), -- finds those of a user, too
    CONSTRAINT credentials_kind_check   CHECK (length(kind) BETWEEN 1 AND 50 AND kind NOT GLOB '*[^A-Z_]*'),
    CONSTRAINT credentials_id_check     CHECK (length(id) = 36),
    CONSTRAINT credentials_key_check    CHECK (length(key) <= 1000 AND (kind <> 'PASSWORD' OR key = '')),
    CONSTRAINT credentials_secret_check CHECK (length(secret) BETWEEN 1 AND 10000)
) STRICT;

-- The password of an account that exists already has the account's id.
INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
SELECT id, id, 'PASSWORD', password_hash, created_at, updated_at FROM users;

-- An account need not have a password any more. users.password_hash stays for servers of the release before,
-- which read it and write it; the next release copies what is left in it, and drops it.
-- SQLite has no statement that drops NOT NULL. This is the way that its documentation describes for constraints,
-- which leave what is stored as it is.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'password_hash text NOT NULL', 'password_hash text')
WHERE type = 'table' AND name = 'users';
PRAGMA writable_schema = RESET;

-- How the user authenticated, as in the claim amr (RFC 8176), separated by spaces; NULL for the password alone.
ALTER TABLE sessions ADD COLUMN methods text
    CONSTRAINT sessions_methods_length CHECK (length(methods) <= 200);
