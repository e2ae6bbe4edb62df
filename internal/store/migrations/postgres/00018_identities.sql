-- +goose NO TRANSACTION
-- +goose Up

-- An account at a provider belongs to one user. An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
DROP INDEX CONCURRENTLY IF EXISTS credentials_identity_unique;
CREATE UNIQUE INDEX CONCURRENTLY credentials_identity_unique ON credentials (key) WHERE kind = 'IDENTITY';
