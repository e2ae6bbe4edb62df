-- Rows as version 3 may have left them, for the migrations after it. Both databases read this.
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, refresh_generation, rotated_at)
VALUES ('01940000-0000-7000-8000-000000000005', '01940000-0000-7000-8000-000000000002', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-02-02 00:00:00+00:00', 3, '2030-01-02 00:00:01+00:00');
INSERT INTO audit_events (id, at, kind, user_id, session_id, ip_address, request_id)
VALUES ('01940000-0000-7000-8000-000000000006', '2030-01-02 00:00:00+00:00', 'LOGOUT', '01940000-0000-7000-8000-000000000002', NULL, '192.0.2.1', 'r1');
