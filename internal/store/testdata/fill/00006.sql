-- Rows as version 6 may have left them, for the migrations after it. Both databases read this.
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, refresh_generation, rotated_at, rotated_by, refresh_replays)
VALUES ('01940000-0000-7000-8000-00000000000c', '01940000-0000-7000-8000-000000000002', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00', '2030-02-02 00:00:00+00:00', 3, '2030-01-03 00:00:30+00:00', '3 AAAAAAAAAAAAAAAAAAAAAA', 2);
INSERT INTO audit_events (id, at, kind, user_id, session_id, ip_address, request_id, user_agent)
VALUES ('01940000-0000-7000-8000-00000000000d', '2030-01-03 00:00:31+00:00', 'REFRESH_REPLAYED', '01940000-0000-7000-8000-000000000002', '01940000-0000-7000-8000-00000000000c', '192.0.2.1', 'r3', 'curl');
