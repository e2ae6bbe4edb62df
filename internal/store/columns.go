package store

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// columns names columns of one table. Beside each list stands a function that returns pointers to
// the fields they belong to, in the same order: queries read into those, and INSERT writes from them.
type columns []string

// of returns the columns as SELECT wants them: "sessions.id, sessions.user_id".
func (c columns) of(table string) string {
	return table + "." + strings.Join(c, ", "+table+".")
}

// insert returns the statement that writes all columns of one row.
func (c columns) insert(table string) string {
	return "INSERT INTO " + table + " (" + strings.Join(c, ", ") + ") VALUES (" + placeholders(len(c)) + ")"
}

// placeholders returns "$1, $2", up to n.
func placeholders(n int) string {
	numbers := make([]string, n)
	for i := range numbers {
		numbers[i] = "$" + strconv.Itoa(i+1)
	}
	return strings.Join(numbers, ", ")
}

// timestamp is a time as both databases keep it: UTC, in microseconds. PostgreSQL has a type for
// it. SQLite keeps the text that the driver's setting _time_format=sqlite writes; its order is the
// order in time, because a fraction that ends early is followed by "+", which sorts before digits.
type timestamp time.Time

// sqliteTime is the layout of that text.
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
			return errors.New("not a time as it was written")
		}
		*t = timestamp(parsed.UTC())
		return nil
	default:
		return fmt.Errorf("not a time but a %T", src)
	}
}

// nullTimestamp points to a time that may be nil, for NULL.
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

// zeroTimestamp is a time that is zero for NULL. It is only read.
type zeroTimestamp time.Time

// Scan implements sql.Scanner.
func (t *zeroTimestamp) Scan(src any) error {
	if src == nil {
		*t = zeroTimestamp{}
		return nil
	}
	return (*timestamp)(t).Scan(src)
}

// nullID points to an id that may be nil, for NULL.
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
