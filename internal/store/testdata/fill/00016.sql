-- Rows as version 16 may have left them, for the migrations after it. Both databases read this.
INSERT INTO server_secrets (fingerprint, first_used_at, last_used_at, good_until)
VALUES ('5f2d8c0000000001', '2030-01-02 02:00:00+00:00', '2030-01-03 02:00:00+00:00', '2030-02-02 03:00:00+00:00');
