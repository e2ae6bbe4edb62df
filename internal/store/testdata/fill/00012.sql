-- Rows as version 12 may have left them, for the migrations after it. Both databases read this. A server of the release
-- before has written the last session and its event.
UPDATE users SET last_login_at = '2030-01-05 00:00:00+00:00' WHERE id = '01940000-0000-7000-8000-00000000000c';
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, methods)
VALUES ('01940000-0000-7000-8000-000000000022', '01940000-0000-7000-8000-00000000000d', '2030-01-05 00:00:00+00:00', '2030-01-05 00:00:00+00:00', '2030-01-05 00:00:00+00:00', '2030-02-05 00:00:00+00:00', 'pwd');
INSERT INTO audit_events (id, at, kind, user_id)
VALUES ('01940000-0000-7000-8000-000000000023', '2030-01-05 00:00:00+00:00', 'LOGIN', '01940000-0000-7000-8000-00000000000d');
INSERT INTO audit_events (id, at, kind, identifier)
VALUES ('01940000-0000-7000-8000-000000000024', '2030-01-05 00:00:00+00:00', 'LOGIN_FAILED', 'mia@example.com');
