-- Rows as version 14 may have left them, for the migrations after it. Both databases read this.
INSERT INTO rate_limits (key, period, count, previous, expires_at)
SELECT secret_digest, 52591, 7, 100, '2030-01-03 02:00:00+00:00'
FROM (SELECT secret_digest FROM oauth_clients ORDER BY id LIMIT 1) AS client;
INSERT INTO solved_challenges (id, expires_at) VALUES ('5f2d8c', '2030-01-03 00:10:00+00:00');
