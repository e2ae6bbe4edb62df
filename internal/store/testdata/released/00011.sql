-- +goose Up

-- JSON objects without insignificant space, empty if they have no members. The user writes metadata, and
-- administrators write app_metadata. They are text and not jsonb, which would change some numbers. The server's own
-- limit is tighter. NOT VALID avoids reading the whole table under an exclusive lock. All rows have the default.
ALTER TABLE users
    ADD COLUMN metadata text NOT NULL DEFAULT '',
    ADD COLUMN app_metadata text NOT NULL DEFAULT '',
    ADD CONSTRAINT users_metadata_length     CHECK (length(metadata) <= 16384) NOT VALID,
    ADD CONSTRAINT users_app_metadata_length CHECK (length(app_metadata) <= 16384) NOT VALID;
