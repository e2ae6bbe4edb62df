-- Rows as version 18 may have left them, for the migrations after it. Both databases read this.
INSERT INTO users (id, username, username_key, roles, factors, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000044', 'Ida', 'ida', 'USER', 'IDENTITY', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
INSERT INTO credentials (id, user_id, kind, key, secret, details, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000045', '01940000-0000-7000-8000-000000000044', 'IDENTITY', 'aWRlbnRpdHk', 'provider', '{"a":1}', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
