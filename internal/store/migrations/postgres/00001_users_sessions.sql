-- +goose Up

-- People who can sign in. Ids are UUIDs of version 7: their order is the order of creation.
CREATE TABLE users (
    id            uuid        NOT NULL,
    -- As their owners wrote them, and in the canonical form that has to be unique. The keys are
    -- computed by the server; the database only compares them.
    username      text,
    username_key  text,
    email         text,
    email_key     text,
    full_name     text,
    -- Separated by single spaces, such as 'USER ADMIN'. A name that the server does not know grants nothing.
    roles         text        NOT NULL,
    -- A PHC string (argon2id), or the bcrypt hash of an imported account.
    password_hash text        NOT NULL,
    -- When an administrator shut the account; NULL while it is open.
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,

    CONSTRAINT users_pkey                PRIMARY KEY (id),
    CONSTRAINT users_username_key_unique UNIQUE (username_key),
    CONSTRAINT users_email_key_unique    UNIQUE (email_key),
    CONSTRAINT users_name_check          CHECK (username_key IS NOT NULL OR email_key IS NOT NULL),
    CONSTRAINT users_username_key_check  CHECK ((username IS NULL) = (username_key IS NULL)),
    CONSTRAINT users_email_key_check     CHECK ((email IS NULL) = (email_key IS NULL)),
    CONSTRAINT users_roles_check         CHECK (roles !~ '[^A-Z_ ]'),
    -- The server's own limits are tighter. These keep what slips past it from filling the disk, and
    -- the keys short enough for an index.
    CONSTRAINT users_username_length     CHECK (length(username) <= 300),
    CONSTRAINT users_username_key_length CHECK (length(username_key) <= 300),
    CONSTRAINT users_email_length        CHECK (length(email) <= 300),
    CONSTRAINT users_email_key_length    CHECK (length(email_key) <= 300),
    CONSTRAINT users_full_name_length    CHECK (length(full_name) <= 1000),
    CONSTRAINT users_roles_length        CHECK (length(roles) <= 1000),
    CONSTRAINT users_password_length     CHECK (length(password_hash) BETWEEN 1 AND 1000)
);

-- Sign-ins, one row for each device. A row stays for a while after its session ended.
CREATE TABLE sessions (
    id           uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    -- When the user last proved who they are.
    auth_time    timestamptz NOT NULL,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    -- The age limit. Nothing moves it.
    expires_at   timestamptz NOT NULL,
    -- When it was ended before its time, by logout or revocation; NULL otherwise.
    ended_at     timestamptz,
    -- The device, as seen at sign-in.
    ip_address   text,
    user_agent   text,

    CONSTRAINT sessions_pkey              PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_fkey      FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE,
    CONSTRAINT sessions_ip_address_length CHECK (length(ip_address) <= 100),
    CONSTRAINT sessions_user_agent_length CHECK (length(user_agent) <= 1000)
);

-- Lists a user's sessions page by page, and finds those of a user who is deleted.
CREATE INDEX sessions_user_id_created_at_id_idx ON sessions (user_id, created_at, id);
-- Finds the rows that may go.
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

-- Failed sign-ins in a row. A successful one deletes the row.
CREATE TABLE login_failures (
    -- An account, or a digest of a name that no account has.
    key     text        NOT NULL,
    count   bigint      NOT NULL,
    last_at timestamptz NOT NULL,

    CONSTRAINT login_failures_pkey        PRIMARY KEY (key),
    CONSTRAINT login_failures_key_length  CHECK (length(key) <= 300),
    CONSTRAINT login_failures_count_check CHECK (count > 0)
);
