-- Rows as version 1 may have left them, for the migrations after it. Both databases read this.
INSERT INTO users (id, username, username_key, email, email_key, full_name, roles, password_hash, disabled_at, created_at, updated_at)
VALUES
    ('01940000-0000-7000-8000-000000000001', 'Ada', 'ada', 'Ada@Example.com', 'ada@example.com', 'Ada Lovelace', 'USER ADMIN', '$argon2id$', '2030-01-04 00:00:00.5+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00'),
    ('01940000-0000-7000-8000-000000000002', 'Bob', 'bob', NULL, NULL, NULL, '', '$2b$', NULL, '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, ended_at, ip_address, user_agent)
VALUES
    ('01940000-0000-7000-8000-000000000003', '01940000-0000-7000-8000-000000000001', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-02-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00', '192.0.2.1', 'curl'),
    ('01940000-0000-7000-8000-000000000004', '01940000-0000-7000-8000-000000000002', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-02-02 00:00:00+00:00', NULL, NULL, NULL);
INSERT INTO login_failures (key, count, last_at) VALUES ('unknown:abc', 7, '2030-01-02 00:00:00.000001+00:00');
