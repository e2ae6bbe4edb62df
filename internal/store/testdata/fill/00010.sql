-- Rows as version 10 may have left them, for the migrations after it. Both databases read this.
INSERT INTO roles (name, description, created_at, updated_at)
VALUES
    ('EDITOR_2', 'Edits.', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00'),
    ('IDLE', NULL, '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO role_permissions (role, permission) VALUES ('EDITOR_2', 'orders:read'), ('EDITOR_2', 'orders:write');
INSERT INTO users (id, username, username_key, roles, password_hash, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000010', 'Ed', 'ed', 'USER EDITOR_2', NULL, '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO audit_events (id, at, kind, operator, roles, permissions)
VALUES ('01940000-0000-7000-8000-000000000011', '2030-01-02 00:00:00+00:00', 'ROLE_UPDATED', true, 'EDITOR_2', 'orders:read orders:write');
