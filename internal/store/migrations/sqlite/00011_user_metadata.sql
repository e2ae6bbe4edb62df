-- +goose Up

-- JSON objects without insignificant space, empty if they have no members. The user writes metadata, and
-- administrators write app_metadata. The server's own
-- limit is tighter.
ALTER TABLE users ADD COLUMN metadata text NOT NULL DEFAULT ''
    CONSTRAINT users_metadata_length CHECK (length(metadata) <= 16384);
ALTER TABLE users ADD COLUMN app_metadata text NOT NULL DEFAULT ''
    CONSTRAINT users_app_metadata_length CHECK (length(app_metadata) <= 16384);
