-- +goose Up

-- The API that a client serves, by the audience of the access tokens that are for it. Clients from
-- before serve none, and several may serve the same one.
ALTER TABLE oauth_clients
    ADD COLUMN resource text
        CONSTRAINT oauth_clients_resource_length CHECK (length(resource) BETWEEN 1 AND 1000);
