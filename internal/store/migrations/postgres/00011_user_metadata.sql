-- +goose Up

-- JSON objects without insignificant space, empty if they have no members. The user writes metadata, and
-- administrators write app_metadata. They are text and not jsonb, which would change some numbers. The server's own
-- limit is tighter. NOT VALID avoids reading the whole table under an exclusive lock. All rows have the default.
--
-- While a statement waits for a transaction that uses the table, such as that of pg_dump, all later statements wait behind
-- it. So it gives up after half a second, lets the others pass and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            ALTER TABLE users
                ADD COLUMN metadata text NOT NULL DEFAULT '',
                ADD COLUMN app_metadata text NOT NULL DEFAULT '',
                ADD CONSTRAINT users_metadata_length     CHECK (length(metadata) <= 16384) NOT VALID,
                ADD CONSTRAINT users_app_metadata_length CHECK (length(app_metadata) <= 16384) NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
