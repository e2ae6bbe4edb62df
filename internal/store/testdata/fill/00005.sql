-- Rows as version 5 may have left them, for the migrations after it. Both databases read this.
INSERT INTO users (id, username, username_key, full_name, full_name_key, roles, password_hash, disabled_at, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000008', 'Eve', 'eve', 'Eve Ünï', 'eve ünï', 'USER', '$argon2id$', '2030-01-04 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
INSERT INTO audit_events (id, at, kind, actor_id, operator, user_id, session_id, client_id, roles, ip_address, request_id)
VALUES
    ('01940000-0000-7000-8000-000000000009', '2030-01-02 00:00:00+00:00', 'USER_ROLES_CHANGED', '01940000-0000-7000-8000-000000000001', false, '01940000-0000-7000-8000-000000000002', '01940000-0000-7000-8000-000000000003', NULL, 'USER ADMIN', '192.0.2.1', 'r2'),
    ('01940000-0000-7000-8000-00000000000a', '2030-01-02 00:00:00+00:00', 'CLIENT_CREATED', NULL, true, NULL, NULL, '01940000-0000-7000-8000-000000000007', NULL, NULL, NULL);
-- The user of this session has used reauthenticate.
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, refresh_generation, rotated_at)
VALUES ('01940000-0000-7000-8000-00000000000b', '01940000-0000-7000-8000-000000000002', '2030-01-03 00:00:00.5+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00', '2030-02-02 00:00:00+00:00', 3, '2030-01-03 00:00:00+00:00');
