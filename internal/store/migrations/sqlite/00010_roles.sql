-- +goose Up

-- The roles that users can have, by their names in users.roles. A name there without a row here has no permission.
CREATE TABLE roles (
    name        text NOT NULL,
    description text,
    created_at  text NOT NULL,
    updated_at  text NOT NULL,

    CONSTRAINT roles_pkey               PRIMARY KEY (name),
    CONSTRAINT roles_name_check         CHECK (name GLOB '[A-Z]*' AND name NOT GLOB '*[^A-Z0-9_]*' AND length(name) <= 63),
    CONSTRAINT roles_description_length CHECK (length(description) <= 1000)
) STRICT;

CREATE TABLE role_permissions (
    role       text NOT NULL,
    permission text NOT NULL,

    CONSTRAINT role_permissions_pkey             PRIMARY KEY (role, permission),
    CONSTRAINT role_permissions_role_fkey        FOREIGN KEY (role) REFERENCES roles (name) ON DELETE CASCADE,
    CONSTRAINT role_permissions_permission_check CHECK (
        permission GLOB '[a-z]*' AND permission NOT GLOB '*[^a-z0-9:_-]*' AND length(permission) <= 100)
) STRICT;

INSERT INTO roles (name, description, created_at, updated_at) VALUES
    ('USER', 'Every account has this role.', strftime('%Y-%m-%d %H:%M:%S+00:00', 'now'), strftime('%Y-%m-%d %H:%M:%S+00:00', 'now')),
    ('ADMIN', 'Allows administering other users.', strftime('%Y-%m-%d %H:%M:%S+00:00', 'now'), strftime('%Y-%m-%d %H:%M:%S+00:00', 'now'));
INSERT INTO role_permissions (role, permission) VALUES ('ADMIN', 'audit:read');

-- The new permissions of a role, separated by spaces.
ALTER TABLE audit_events ADD COLUMN permissions text
    CONSTRAINT audit_events_permissions_check CHECK (permissions NOT GLOB '*[^a-z0-9:_ -]*' AND length(permissions) <= 20000);

-- Names may contain digits from now on, and a user may have 20 roles. A server of the previous release drops the names
-- that it does not know when it reads a user.
-- SQLite cannot change a constraint with a statement. Its documentation describes this procedure for changes that do
-- not affect the stored rows (https://www.sqlite.org/lang_altertable.html, section 7).
PRAGMA writable_schema = ON;
UPDATE sqlite_schema
SET sql = replace(replace(sql, 'roles NOT GLOB ''*[^A-Z_ ]*''', 'roles NOT GLOB ''*[^A-Z0-9_ ]*'''), 'length(roles) <= 1000', 'length(roles) <= 2000')
WHERE type = 'table' AND name IN ('users', 'audit_events');
PRAGMA writable_schema = RESET;
