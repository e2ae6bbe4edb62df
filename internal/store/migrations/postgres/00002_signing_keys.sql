-- +goose Up

-- The keys that sign access tokens. What they are for at a time follows from the times of all of them.
CREATE TABLE signing_keys (
    -- The kid of their tokens: the RFC 7638 thumbprint of the public key.
    key_id     text        NOT NULL,
    algorithm  text        NOT NULL,
    -- The private key, encrypted by the server.
    sealed     bytea       NOT NULL,
    -- Of replicas that make the next key at the same time, only one gets its number.
    generation bigint      NOT NULL,
    created_at timestamptz NOT NULL,
    -- From its creation until then the key is published, so that all know it before it signs.
    signs_from timestamptz NOT NULL,
    -- Since when its tokens are refused; NULL unless that was asked for.
    retired_at timestamptz,

    CONSTRAINT signing_keys_pkey              PRIMARY KEY (key_id),
    CONSTRAINT signing_keys_generation_unique UNIQUE (generation),
    CONSTRAINT signing_keys_key_id_length     CHECK (length(key_id) BETWEEN 1 AND 100),
    CONSTRAINT signing_keys_algorithm_length  CHECK (length(algorithm) BETWEEN 1 AND 20),
    CONSTRAINT signing_keys_sealed_length     CHECK (length(sealed) BETWEEN 1 AND 10000)
);
