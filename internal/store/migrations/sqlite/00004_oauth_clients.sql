-- +goose Up

-- Programs that an operator has registered. Ids are UUIDs of version 7: their order is the order of creation.
CREATE TABLE oauth_clients (
    id            text NOT NULL,
    name          text NOT NULL,
    -- The SHA-256 digest of the secret, which is random.
    secret_digest blob NOT NULL,
    created_at    text NOT NULL,

    CONSTRAINT oauth_clients_pkey                 PRIMARY KEY (id),
    CONSTRAINT oauth_clients_id_check             CHECK (length(id) = 36),
    CONSTRAINT oauth_clients_name_length          CHECK (length(name) BETWEEN 1 AND 1000),
    CONSTRAINT oauth_clients_secret_digest_length CHECK (length(secret_digest) = 32)
) STRICT;
