-- Rows as version 11 may have left them, for the migrations after it. Both databases read this. The last user is one
-- that a server of the release before has written.
INSERT INTO users (id, username, username_key, roles, metadata, app_metadata, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000020', 'Kim', 'kim', 'USER', '{"locale":"en"}', '{"plan":"pro","seats":9007199254740993}', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
INSERT INTO users (id, username, username_key, roles, password_hash, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000021', 'Lee', 'lee', 'USER', '$argon2id$', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00');
