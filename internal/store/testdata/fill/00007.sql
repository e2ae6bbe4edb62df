-- Rows as version 7 may have left them, for the migrations after it. Both databases read this.
INSERT INTO password_attempts (key, user_id, count, last_at)
VALUES
    ('login:01940000-0000-7000-8000-000000000001', '01940000-0000-7000-8000-000000000001', 7, '2030-01-02 00:00:00.000001+00:00'),
    ('unknown:abc', NULL, 8, '2030-01-02 00:00:00.000001+00:00');
