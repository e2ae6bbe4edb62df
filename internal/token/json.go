package token

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/jsonobject"
)

const (
	// maxMembers bounds the cost of a forged header. No part of a valid token needs that many members.
	maxMembers = 32

	// maxNumericDate is the last second of the year 9999.
	maxNumericDate = 253402300799
)

// members are the members of a JSON object in a token. Its methods read members by name. err is the first
// error of all of them. A missing member reads as the zero value.
type members struct {
	values map[string]any
	err    error
}

// readMembers reads an object. It rejects a name that differs from a known one only by case, because other
// parsers would accept it as the known one.
func readMembers(doc []byte, known []string) members {
	values, err := jsonobject.Read(doc)
	switch {
	case err != nil:
		return members{err: invalidError(err.Error())}
	case len(values) > maxMembers:
		return members{err: invalidError("too many members")}
	}
	for name := range values {
		if !slices.Contains(known, name) && slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
			return members{err: invalidError("a name is in the wrong case")}
		}
	}
	return members{values: values}
}

func (m *members) fail(problem string) {
	if m.err == nil {
		m.err = invalidError(problem)
	}
}

// reject fails if the object has a member.
func (m *members) reject(name, problem string) {
	if _, ok := m.values[name]; ok {
		m.fail(name + " " + problem)
	}
}

// text reads a nonempty string.
func (m *members) text(name string) string {
	value, ok := m.values[name]
	if !ok {
		return ""
	}
	return m.asText(name, value)
}

func (m *members) asText(name string, value any) string {
	s, ok := value.(string)
	switch {
	case !ok:
		m.fail(name + " is not a string")
	case s == "":
		m.fail(name + " is empty")
	}
	return s
}

// texts reads an array of nonempty strings. The result is nil only without an array.
func (m *members) texts(name string) []string {
	value, ok := m.values[name]
	if !ok {
		return nil
	}
	array, ok := value.([]any)
	if !ok {
		m.fail(name + " is not an array")
		return nil
	}
	list := make([]string, len(array))
	for i, item := range array {
		list[i] = m.asText(name, item)
	}
	return list
}

// boolean reads true or false.
func (m *members) boolean(name string) bool {
	value, ok := m.values[name]
	b, isBool := value.(bool)
	if ok && !isBool {
		m.fail(name + " is not a boolean")
	}
	return b
}

// time reads seconds since 1970. RFC 7519 §2 also allows fractions and exponents. Usher writes neither, so it
// rejects both.
func (m *members) time(name string) time.Time {
	value, ok := m.values[name]
	if !ok {
		return time.Time{}
	}
	number, _ := value.(json.Number)
	seconds, err := strconv.ParseInt(number.String(), 10, 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		m.fail(name + " is not a number of seconds")
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// past reads a time that must not be after latest.
func (m *members) past(name string, latest time.Time) time.Time {
	t := m.time(name)
	if t.After(latest) {
		m.fail(name + " is in the future")
	}
	return t
}
