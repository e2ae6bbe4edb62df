-- Rows as version 15 may have left them, for the migrations after it. Both databases read this.
INSERT INTO audit_events (id, at, kind, user_id, identifier, user_agent)
VALUES ('01980000-0000-7000-8000-000000000040', '2030-01-04 00:00:00+00:00', 'LOGIN_FAILED', '01940000-0000-7000-8000-000000000001', 'mia@example.com', 'curl');
