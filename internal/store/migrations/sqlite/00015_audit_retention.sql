-- +goose Up

-- From when on events must stay. It has a row only inside of the transaction that deletes older ones, so no other
-- statement can delete any.
CREATE TABLE audit_retention (
    first_id text NOT NULL
) STRICT;

DROP TRIGGER audit_events_no_delete;
-- +goose StatementBegin
CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
WHEN NOT EXISTS (SELECT 1 FROM audit_retention WHERE OLD.id < first_id)
BEGIN
    SELECT RAISE(ABORT, 'audit_events: rows are only ever added');
END;
-- +goose StatementEnd
