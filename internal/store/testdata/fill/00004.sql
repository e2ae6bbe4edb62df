-- Rows as version 4 may have left them, for the migrations after it. Both databases read this, but
-- comments nest in PostgreSQL only, which thus does not see the CAST that SQLite needs for a blob.
INSERT INTO oauth_clients (id, name, created_at, secret_digest)
VALUES ('01940000-0000-7000-8000-000000000007', 'Books', '2030-01-02 00:00:00+00:00',
    /* /* */ CAST( -- */
    '0123456789abcdef0123456789abcdef'
    /* /* */ AS blob) -- */
);
