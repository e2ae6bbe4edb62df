-- Rows as version 13 may have left them, for the migrations after it. Both databases read this.
INSERT INTO users (id, email, email_key, roles, email_verified_at, pending_email, locale, deletion_at, credentials_version, created_at, updated_at)
VALUES ('01940000-0000-7000-8000-000000000030', 'Noa@example.com', 'noa@example.com', 'USER', '2030-01-03 00:00:00+00:00', 'noa@example.net', 'pt-BR', '2030-02-03 00:00:00+00:00', 2, '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00');
INSERT INTO mailed_secrets (id, purpose, subject, user_id, address, address_key, token_digest, code_digest, code_expires_at, code_tries, flow_digest, details, created_at, expires_at)
SELECT '01940000-0000-7000-8000-000000000031', 'RESET_PASSWORD', '01940000-0000-7000-8000-000000000030', '01940000-0000-7000-8000-000000000030', 'Noa@example.com', 'noa@example.com', secret_digest, secret_digest, '2030-01-03 00:10:00+00:00', 4, secret_digest, '{}', '2030-01-03 00:00:00+00:00', '2030-01-03 01:00:00+00:00'
FROM (SELECT secret_digest FROM oauth_clients ORDER BY id LIMIT 1) AS client;
INSERT INTO mail_messages (id, kind, state, user_id, recipient, recipient_key, asker, prepared, content, attempts, next_attempt_at, last_error, created_at, expires_at)
VALUES ('01940000-0000-7000-8000-000000000032', 'RESET_PASSWORD', 'FAILED', '01940000-0000-7000-8000-000000000030', 'Noa@example.com', 'noa@example.com', '203.0.113.0/24', true, NULL, 3, '2030-01-03 00:05:00+00:00', 'recipient: 550 no such user', '2030-01-03 00:00:00+00:00', '2030-01-03 01:00:00+00:00');
