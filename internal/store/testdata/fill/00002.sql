-- Rows as version 2 may have left them, for the migrations after it. Both databases read this, but
-- comments nest in PostgreSQL only, which thus does not see the CAST that SQLite needs for a blob.
INSERT INTO signing_keys (key_id, algorithm, generation, created_at, signs_from, retired_at, sealed)
VALUES
    ('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs', 'RS256', 1, '2030-01-02 00:00:00+00:00', '2030-01-02 00:00:00+00:00', '2030-01-03 00:00:00+00:00',
    /* /* */ CAST( -- */
    'sealed'
    /* /* */ AS blob) -- */
    ),
    ('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k', 'EdDSA', 2, '2030-01-02 00:00:00+00:00', '2030-01-02 00:02:00+00:00', NULL,
    /* /* */ CAST( -- */
    'sealed'
    /* /* */ AS blob) -- */
    );
