package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// columns lists columns of one table. Each list has a function that returns pointers to the struct fields
// in the same order. Queries scan into these pointers and INSERT reads from them.
type columns []string

// of returns the columns for a SELECT: "sessions.id, sessions.user_id".
func (c columns) of(table string) string {
	return table + "." + strings.Join(c, ", "+table+".")
}

// insert returns an INSERT statement with a placeholder for each column.
func (c columns) insert(table string) string {
	return "INSERT INTO " + table + " (" + strings.Join(c, ", ") + ") VALUES (" + placeholders(len(c)) + ")"
}

// excluded returns the assignments of an upsert that replaces a row, except for the columns of its key.
func (c columns) excluded(key ...string) string {
	var assignments []string
	for _, name := range c {
		if !slices.Contains(key, name) {
			assignments = append(assignments, name+" = excluded."+name)
		}
	}
	return strings.Join(assignments, ", ")
}

// assignments returns the assignments of an UPDATE, each with a "$".
func (c columns) assignments() string { return strings.Join(c, " = $, ") + " = $" }

// placeholders returns "$1, $2, …" up to "$n".
func placeholders(n int) string {
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(numbers, ", ")
}

// timestamp is a time as both databases store it: UTC, in microseconds. PostgreSQL has the type
// timestamptz. SQLite stores the text that the driver writes with _time_format=sqlite. These texts sort
// by time: a shorter fraction is followed by "+", which sorts before digits.
type timestamp time.Time

// sqliteTime is the layout of a time in SQLite.
const sqliteTime = "2006-01-02 15:04:05.999999999-07:00"

// Value implements driver.Valuer.
func (t timestamp) Value() (driver.Value, error) {
	return time.Time(t).UTC().Truncate(time.Microsecond), nil
}

// Scan implements sql.Scanner.
func (t *timestamp) Scan(src any) error {
	switch src := src.(type) {
	case time.Time:
		*t = timestamp(src.UTC())
		return nil
	case string:
		parsed, err := time.Parse(sqliteTime, src)
		if err != nil {
			return errors.New("not a time in SQLite's format")
		}
		*t = timestamp(parsed.UTC())
		return nil
	default:
		return fmt.Errorf("cannot read a time from %T", src)
	}
}

// nullTimestamp points to a time. Nil stands for NULL.
type nullTimestamp struct{ at **time.Time }

// Value implements driver.Valuer.
func (t nullTimestamp) Value() (driver.Value, error) {
	if *t.at == nil {
		return nil, nil
	}
	return timestamp(**t.at).Value()
}

// Scan implements sql.Scanner.
func (t nullTimestamp) Scan(src any) error {
	if src == nil {
		*t.at = nil
		return nil
	}
	*t.at = new(time.Time)
	return (*timestamp)(*t.at).Scan(src)
}

// zeroTimestamp is a time for reading only. The zero time stands for NULL.
type zeroTimestamp time.Time

// Scan implements sql.Scanner.
func (t *zeroTimestamp) Scan(src any) error {
	if src == nil {
		*t = zeroTimestamp{}
		return nil
	}
	return (*timestamp)(t).Scan(src)
}

// nullID points to an ID. Nil stands for NULL.
type nullID struct{ at **uuid.UUID }

// Value implements driver.Valuer.
func (n nullID) Value() (driver.Value, error) {
	if *n.at == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	return (*n.at).Value()
}

// Scan implements sql.Scanner.
func (n nullID) Scan(src any) error {
	if src == nil {
		*n.at = nil
		return nil
	}
	*n.at = new(uuid.UUID)
	return (*n.at).Scan(src)
}
