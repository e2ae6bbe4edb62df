-- +goose Up

-- The counters of rate limits. Servers add what they have counted, in batches.
CREATE TABLE rate_limits (
    -- An HMAC of the limit and of what it counts by, by a key of the server. So no address and no name is stored.
    key        blob    NOT NULL,
    -- The current period: its number, counted from 1970 in periods of the limit.
    period     integer NOT NULL,
    -- The uses in the current period, and in the one before.
    count      integer NOT NULL,
    previous   integer NOT NULL,
    -- From then on the counter is zero.
    expires_at text    NOT NULL,

    CONSTRAINT rate_limits_pkey        PRIMARY KEY (key),
    CONSTRAINT rate_limits_key_length  CHECK (length(key) = 32),
    CONSTRAINT rate_limits_count_check CHECK (count >= 0 AND previous >= 0)
) STRICT;

-- Finds the rows that may go.
CREATE INDEX rate_limits_expires_at_idx ON rate_limits (expires_at);

-- The challenges that clients have solved. Each solution is valid once.
CREATE TABLE solved_challenges (
    id         text NOT NULL,
    -- From then on the solution is invalid anyway.
    expires_at text NOT NULL,

    CONSTRAINT solved_challenges_pkey      PRIMARY KEY (id),
    CONSTRAINT solved_challenges_id_length CHECK (length(id) BETWEEN 1 AND 100)
) STRICT;

-- Finds the rows that may go.
CREATE INDEX solved_challenges_expires_at_idx ON solved_challenges (expires_at);
