-- +goose NO TRANSACTION
-- +goose Up

-- The audit log in partitions, one for each month, so that a month can be dropped. The existing table becomes the first
-- partition as it is: no row is copied. Without a transaction around them, these statements hold no lock for long, so
-- users can sign in meanwhile. Each can run again, because a migration that is interrupted starts over.

-- audit_events_first_id returns the lowest id of a millisecond: ids are UUIDs of version 7 (RFC 9562, section 5.7).
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_first_id(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CAST(substr(millis, 1, 8) || '-' || substr(millis, 9, 4) || '-7000-8000-000000000000' AS uuid)
    FROM (SELECT lpad(to_hex(CAST(floor(extract(epoch FROM at) * 1000) AS bigint)), 12, '0') AS millis) AS id
$$;
-- +goose StatementEnd

-- audit_events_partitions lists the partitions, and the id at which each ends; NULL for the default partition.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_partitions() RETURNS TABLE (partition text, ends uuid) LANGUAGE sql STABLE AS $$
    SELECT CAST(oid AS regclass)::text, CAST((regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''([0-9a-f-]{36})''\)'))[1] AS uuid)
    FROM pg_class JOIN pg_inherits ON inhrelid = oid WHERE inhparent = CAST('audit_events' AS regclass)
$$;
-- +goose StatementEnd

-- audit_events_guard makes a partition append-only. PostgreSQL 12 has no such triggers on the partitioned table.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_guard(partition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE ON %I
        FOR EACH ROW EXECUTE FUNCTION audit_events_refuse()', partition);
    EXECUTE format('CREATE TRIGGER audit_events_no_truncate BEFORE TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION audit_events_refuse()', partition);
END
$$;
-- +goose StatementEnd

-- audit_events_add_month makes the partition of a month, in UTC. It returns READY if the month has a partition, BUSY if
-- another transaction is in the way, and OCCUPIED if events of the month are in the default partition, where they stay.
-- Nobody waits long for it: to attach a partition, PostgreSQL locks only the new one and the default one.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_add_month(month timestamptz) RETURNS text LANGUAGE plpgsql
SET lock_timeout = '200ms' SET timezone = 'UTC' AS $$
DECLARE
    starts timestamptz := date_trunc('month', month);
    name   text := 'audit_events_' || to_char(starts, 'YYYY_MM');
    lower  uuid := audit_events_first_id(starts);
    upper  uuid := audit_events_first_id(starts + interval '1 month');
BEGIN
    IF EXISTS (SELECT 1 FROM audit_events_partitions() WHERE ends >= upper) THEN
        -- This month or a later one has a partition. Months are made in order.
        RETURN 'READY';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('audit_events_add_month')) THEN
        RETURN 'BUSY';
    END IF;
    IF EXISTS (SELECT 1 FROM audit_events_partitions() WHERE ends >= upper) THEN
        RETURN 'READY';
    END IF;
    IF EXISTS (SELECT 1 FROM audit_events_default WHERE id >= lower AND id < upper) THEN
        RETURN 'OCCUPIED';
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES)', name);
    PERFORM audit_events_guard(name);
    EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, lower, upper);
    RETURN 'READY';
EXCEPTION
    WHEN lock_not_available THEN RETURN 'BUSY';
    WHEN check_violation THEN RETURN 'OCCUPIED'; -- an event came in between
END
$$;
-- +goose StatementEnd

-- audit_events_drop_month drops the oldest partition if all its events are of before a time. It returns the partition's
-- name, or NULL if there is none or another transaction is in the way. PostgreSQL lets only the owner of the table do so.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_drop_month(before timestamptz) RETURNS text LANGUAGE plpgsql
SET lock_timeout = '200ms' AS $$
DECLARE
    oldest text;
BEGIN
    SELECT partition INTO oldest FROM audit_events_partitions()
    WHERE ends <= audit_events_first_id(before) ORDER BY ends LIMIT 1;
    IF oldest IS NOT NULL THEN
        EXECUTE 'DROP TABLE ' || oldest;
    END IF;
    RETURN oldest;
EXCEPTION
    WHEN lock_not_available OR undefined_table THEN RETURN NULL; -- or another replica has dropped it
END
$$;
-- +goose StatementEnd

-- audit_events_sweep_default deletes up to a number of events of before a time from the default partition, and returns
-- how many. Nobody else sees the table without its trigger. PostgreSQL lets only the owner of the table do so.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_events_sweep_default(before timestamptz, many integer) RETURNS integer LANGUAGE plpgsql
SET lock_timeout = '200ms' AS $$
DECLARE
    ends    uuid := audit_events_first_id(before);
    deleted integer;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_events_default WHERE id < ends) THEN
        RETURN 0;
    END IF;
    ALTER TABLE audit_events_default DISABLE TRIGGER audit_events_append_only;
    DELETE FROM audit_events_default WHERE id = ANY (ARRAY(
        SELECT id FROM audit_events_default WHERE id < ends ORDER BY id LIMIT many));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    ALTER TABLE audit_events_default ENABLE TRIGGER audit_events_append_only;
    RETURN deleted;
EXCEPTION
    WHEN lock_not_available THEN RETURN 0;
END
$$;
-- +goose StatementEnd

-- The number of the transaction that has added an event. Transactions that are not over have numbers from
-- txid_snapshot_xmin on, so a reader can tell which events no other can precede. Events from before have 0. The two
-- defaults are of one transaction: no row is rewritten, and every later event has a number, also of an older server.
-- While an ALTER TABLE waits for a transaction that uses the table, such as that of pg_dump, all later statements wait
-- behind it. So it gives up after half a second, lets the others pass and tries again.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            EXIT WHEN (SELECT relkind FROM pg_class WHERE oid = CAST('audit_events' AS regclass)) = 'p';
            ALTER TABLE audit_events ADD COLUMN IF NOT EXISTS txid bigint NOT NULL DEFAULT 0;
            ALTER TABLE audit_events ALTER COLUMN txid SET DEFAULT txid_current();
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Proves to PostgreSQL which ids the table can have, so that it need not read the table while it is locked. The range ends
-- with a month that is at least four weeks ahead, because an event of later than that would be refused until the
-- migration is over.
-- +goose StatementBegin
DO $$
DECLARE
    newest text;
    ends   timestamptz;
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    PERFORM set_config('timezone', 'UTC', true);
    LOOP
        BEGIN
            EXIT WHEN (SELECT relkind FROM pg_class WHERE oid = CAST('audit_events' AS regclass)) = 'p';
            LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE;
            newest := (SELECT id FROM audit_events ORDER BY id DESC LIMIT 1); -- in the index: with a cast, id would be its result
            ends := date_trunc('month', now() + interval '28 days') + interval '1 month';
            IF newest IS NOT NULL THEN -- a clock may have been ahead
                ends := greatest(ends, interval '1 month' + date_trunc('month',
                    to_timestamp(CAST(CAST('x' || substr(replace(newest, '-', ''), 1, 12) AS bit(48)) AS bigint) / 1000.0)));
            END IF;
            EXECUTE format('ALTER TABLE audit_events
                DROP CONSTRAINT IF EXISTS audit_events_ends,
                ADD CONSTRAINT audit_events_ends CHECK (id < %L) NOT VALID', audit_events_first_id(ends));
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- Reads the table once, beside writers. A partition must have no constraint that is NOT VALID.
-- +goose StatementBegin
DO $$
DECLARE
    constraints text;
BEGIN
    SELECT string_agg(format('VALIDATE CONSTRAINT %I', conname), ', ') INTO constraints
    FROM pg_constraint JOIN pg_class ON pg_class.oid = conrelid
    WHERE conrelid = CAST('audit_events' AS regclass) AND relkind = 'r' AND NOT convalidated;
    IF constraints IS NOT NULL THEN
        EXECUTE 'ALTER TABLE audit_events ' || constraints;
    END IF;
END
$$;
-- +goose StatementEnd

-- The table gives its name, the names of its indexes and its privileges to the partitioned table.
-- +goose StatementBegin
DO $$
DECLARE
    ends      text;
    owner     text;
    privilege record;
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            EXIT WHEN (SELECT relkind FROM pg_class WHERE oid = CAST('audit_events' AS regclass)) = 'p';
            LOCK TABLE audit_events IN ACCESS EXCLUSIVE MODE;
            ends := (SELECT (regexp_match(pg_get_constraintdef(oid), '''([0-9a-f-]{36})'''))[1] FROM pg_constraint
                WHERE conrelid = CAST('audit_events' AS regclass) AND conname = 'audit_events_ends');
            ALTER TABLE audit_events DROP CONSTRAINT IF EXISTS audit_events_old_ends;
            ALTER TABLE audit_events RENAME CONSTRAINT audit_events_ends TO audit_events_old_ends;
            ALTER TABLE audit_events RENAME TO audit_events_old;
            ALTER INDEX audit_events_pkey RENAME TO audit_events_old_pkey;
            ALTER INDEX audit_events_user_id_id_idx RENAME TO audit_events_old_user_id_id_idx;
            ALTER INDEX audit_events_kind_id_idx RENAME TO audit_events_old_kind_id_idx;
            ALTER INDEX audit_events_actor_id_id_idx RENAME TO audit_events_old_actor_id_id_idx;

            -- The columns and their constraints, but not the one of the range.
            CREATE TABLE audit_events (LIKE audit_events_old INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (id);
            ALTER TABLE audit_events DROP CONSTRAINT audit_events_old_ends;
            ALTER TABLE audit_events ADD CONSTRAINT audit_events_pkey PRIMARY KEY (id);
            CREATE INDEX audit_events_user_id_id_idx ON audit_events (user_id, id);
            CREATE INDEX audit_events_kind_id_idx ON audit_events (kind, id);
            CREATE INDEX audit_events_actor_id_id_idx ON audit_events (actor_id, id) WHERE actor_id IS NOT NULL;
            EXECUTE format('ALTER TABLE audit_events ATTACH PARTITION audit_events_old FOR VALUES FROM (MINVALUE) TO (%L)', ends);
            ALTER TABLE audit_events_old DROP CONSTRAINT audit_events_old_ends;

            -- Events of a month without a partition.
            CREATE TABLE audit_events_default PARTITION OF audit_events DEFAULT;
            PERFORM audit_events_guard('audit_events_default');

            FOR privilege IN
                SELECT privilege_type, is_grantable, CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END AS grantee
                FROM pg_class, aclexplode(relacl) WHERE oid = CAST('audit_events_old' AS regclass) AND grantee <> relowner
            LOOP
                EXECUTE format('GRANT %s ON audit_events TO %s%s', privilege.privilege_type, privilege.grantee,
                    CASE WHEN privilege.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
            END LOOP;
            owner := (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = CAST('audit_events_old' AS regclass));
            IF owner <> current_user THEN
                EXECUTE format('ALTER TABLE audit_events OWNER TO %I', owner);
                EXECUTE format('ALTER TABLE audit_events_default OWNER TO %I', owner);
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd

-- An interrupted CREATE INDEX CONCURRENTLY leaves an invalid index.
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            IF EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass('audit_events_old_txid_id_idx') AND NOT indisvalid) THEN
                DROP INDEX audit_events_old_txid_id_idx;
            END IF;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
-- Reads the events in the order of their transactions.
CREATE INDEX CONCURRENTLY IF NOT EXISTS audit_events_old_txid_id_idx ON audit_events_old (txid, id);
-- +goose StatementBegin
DO $$
BEGIN
    PERFORM set_config('lock_timeout', '500ms', true);
    LOOP
        BEGIN
            CREATE INDEX IF NOT EXISTS audit_events_txid_id_idx ON ONLY audit_events (txid, id);
            CREATE INDEX IF NOT EXISTS audit_events_default_txid_id_idx ON audit_events_default (txid, id);
            ALTER INDEX audit_events_txid_id_idx ATTACH PARTITION audit_events_old_txid_id_idx;
            ALTER INDEX audit_events_txid_id_idx ATTACH PARTITION audit_events_default_txid_id_idx;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(1);
        END;
    END LOOP;
END
$$;
-- +goose StatementEnd
