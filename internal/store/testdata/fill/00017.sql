-- Rows as version 17 may have left them, for the migrations after it. Both databases read this.
INSERT INTO users (id, username, username_key, roles, factors, factor_removed_at, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000040', 'Tess', 'tess', 'USER', 'PASSKEY RECOVERY_CODE TOTP', '2030-01-03 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
INSERT INTO credentials (id, user_id, kind, key, secret, name, counter, details, last_used_at, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000041', '01940000-0000-7000-8000-000000000040', 'PASSKEY', 'cGFzc2tleQ', 'public', 'Telephone', 7, '{"a":1}', '2030-01-03 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, methods, passkey_id)
VALUES ('01940000-0000-7000-8000-000000000042', '01940000-0000-7000-8000-000000000040', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-02-02 00:00:00+00:00', 'pwd passkey', '01940000-0000-7000-8000-000000000041');
INSERT INTO ceremonies (id, purpose, token_digest, user_id, details, tries, created_at, expires_at)
SELECT '01940000-0000-7000-8000-000000000043', 'LOGIN', secret_digest, '01940000-0000-7000-8000-000000000040', '{}', 2, '2030-01-03 00:00:00+00:00', '2030-01-03 00:05:00+00:00'
FROM (SELECT secret_digest FROM oauth_clients ORDER BY id LIMIT 1) AS client;
