-- +goose Up

-- An account at a provider belongs to one user.
CREATE UNIQUE INDEX credentials_identity_unique ON credentials (key) WHERE kind = 'IDENTITY';
