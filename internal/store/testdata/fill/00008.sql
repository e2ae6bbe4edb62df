-- Rows as version 8 may have left them, for the migrations after it. Both databases read this, as they do
-- 00004.sql.
INSERT INTO oauth_clients (id, name, created_at, resource, secret_digest)
VALUES ('01940000-0000-7000-8000-00000000000b', 'Reports', '2030-01-02 00:00:00+00:00', 'https://api.example.com',
    /* /* */ CAST( -- */
    '0123456789abcdef0123456789abcdef'
    /* /* */ AS blob) -- */
);
