-- +goose Up

-- The roles that users can have, by their names in users.roles. A name there without a row here has no permission.
CREATE TABLE roles (
    name        text COLLATE "C" NOT NULL,
    description text,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,

    CONSTRAINT roles_pkey               PRIMARY KEY (name),
    CONSTRAINT roles_name_check         CHECK (name ~ '^[A-Z][A-Z0-9_]{0,62}$'),
    CONSTRAINT roles_description_length CHECK (length(description) <= 1000)
);

CREATE TABLE role_permissions (
    role       text COLLATE "C" NOT NULL,
    permission text COLLATE "C" NOT NULL,

    CONSTRAINT role_permissions_pkey             PRIMARY KEY (role, permission),
    CONSTRAINT role_permissions_role_fkey        FOREIGN KEY (role) REFERENCES roles (name) ON DELETE CASCADE,
    CONSTRAINT role_permissions_permission_check CHECK (permission ~ '^[a-z][a-z0-9:_-]*$' AND length(permission) <= 100)
);

INSERT INTO roles (name, description, created_at, updated_at) VALUES
    ('USER', 'Every account has this role.', now(), now()),
    ('ADMIN', 'Allows administering other users.', now(), now());
INSERT INTO role_permissions (role, permission) VALUES ('ADMIN', 'audit:read');

-- Names may contain digits from now on, and a user may have 20 roles. A server of the previous release drops the names
-- that it does not know when it reads a user. NOT VALID avoids reading the whole table under an exclusive lock. All rows
-- satisfy the constraints: the earlier ones were stricter, and a new column is NULL.
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
                DROP CONSTRAINT users_roles_check,
                DROP CONSTRAINT users_roles_length,
                ADD CONSTRAINT users_roles_check  CHECK (roles !~ '[^A-Z0-9_ ]') NOT VALID,
                ADD CONSTRAINT users_roles_length CHECK (length(roles) <= 2000) NOT VALID;
            ALTER TABLE audit_events
                DROP CONSTRAINT audit_events_roles_check,
                DROP CONSTRAINT audit_events_roles_length,
                ADD CONSTRAINT audit_events_roles_check  CHECK (roles !~ '[^A-Z0-9_ ]') NOT VALID,
                ADD CONSTRAINT audit_events_roles_length CHECK (length(roles) <= 2000) NOT VALID,
                -- The new permissions of a role, separated by spaces.
                ADD COLUMN permissions text,
                ADD CONSTRAINT audit_events_permissions_check
                    CHECK (permissions !~ '[^a-z0-9:_ -]' AND length(permissions) <= 20000) NOT VALID;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
