-- Rows as version 9 may have left them, for the migrations after it. Both databases read this. The last user is
-- one that a server of the release before has written.
INSERT INTO users (id, username, username_key, roles, password_hash, created_at, updated_at)
VALUES
    ('01940000-0000-7000-8000-00000000000c', 'Mia', 'mia', 'USER', NULL, '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00'),
    ('01940000-0000-7000-8000-00000000000d', 'Old', 'old', 'USER', '$argon2id$old', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-00000000000e', '01940000-0000-7000-8000-00000000000c', 'PASSWORD', '$argon2id$new', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, methods)
VALUES ('01940000-0000-7000-8000-00000000000f', '01940000-0000-7000-8000-00000000000c', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-02-02 00:00:00+00:00', 'pwd');
