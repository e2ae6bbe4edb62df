package token

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// This file splits JSON that encoding/json has found valid. Decoding into a
// struct would not do: it ignores the case of names, lets the last of two
// equal names win, and takes null for any value.

const (
	// maxMembers bounds the search for equal names. A token of ours has ten.
	maxMembers = 32

	// maxNumericDate is the last second of the year 9999.
	maxNumericDate = 253402300799
)

// members calls visit for every member of the JSON object doc, with the name
// unescaped and the value as it stands. It refuses what is not one object in
// UTF-8, and names that occur twice (RFC 7515 §4, RFC 7519 §4).
func members(doc []byte, visit func(name, value string) error) error {
	if !utf8.Valid(doc) || !json.Valid(doc) {
		return invalidError("not JSON")
	}
	rest := next(string(doc))
	if rest[0] != '{' {
		return invalidError("not a JSON object")
	}
	var names [maxMembers]string
	n := 0
	for rest = next(rest[1:]); rest[0] != '}'; rest = next(rest) {
		var name, value string
		name, rest = cutValue(rest)
		value, rest = cutValue(next(rest))

		name = unquote(name)
		if slices.Contains(names[:n], name) {
			return invalidError("a name occurs twice")
		}
		if n == maxMembers {
			return invalidError("too many members")
		}
		names[n] = name
		n++
		if err := visit(name, value); err != nil {
			return err
		}
	}
	return nil
}

// caseVariant refuses a name that differs from a known one by case alone:
// other readers would take it for the known one.
func caseVariant(name string, known []string) error {
	if slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, name) }) {
		return invalidError("a name is in the wrong case")
	}
	return nil
}

// text reads a string that is not empty.
func text(name, value string) (string, error) {
	if value[0] != '"' {
		return "", invalidError(name + " is not a string")
	}
	if value == `""` {
		return "", invalidError(name + " is empty")
	}
	return unquote(value), nil
}

// texts reads an array of strings that are not empty. It never returns nil
// without an error.
func texts(name, value string) ([]string, error) {
	if value[0] != '[' {
		return nil, invalidError(name + " is not an array")
	}
	list := []string{}
	for rest := next(value[1:]); rest[0] != ']'; rest = next(rest) {
		var item string
		item, rest = cutValue(rest)
		s, err := text(name, item)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// numericDate reads seconds since 1970. RFC 7519 §2 allows fractions and
// exponents too; Usher writes neither, so neither is read.
func numericDate(name, value string) (time.Time, error) {
	seconds, err := strconv.ParseInt(value, 10, 64)
	if err != nil || seconds < 0 || seconds > maxNumericDate {
		return time.Time{}, invalidError(name + " is not a number of seconds")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// next drops what separates the values of valid JSON.
func next(s string) string {
	for i := range len(s) {
		switch s[i] {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return s[i:]
		}
	}
	return ""
}

// cutValue cuts s, the rest of valid JSON, after the value it begins with.
func cutValue(s string) (value, rest string) {
	end := 0
	switch s[0] {
	case '"':
		end = stringEnd(s)
	case '{', '[':
		end = nestedEnd(s)
	default:
		end = scalarEnd(s)
	}
	return s[:end], s[end:]
}

// The three below say where a value ends that s begins with. It stands inside
// an object, so that something follows it.

func scalarEnd(s string) int {
	for i := 1; ; i++ {
		switch s[i] {
		case ' ', '\t', '\r', '\n', ',', ']', '}':
			return i
		}
	}
}

func stringEnd(s string) int {
	for i := 1; ; i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
}

func nestedEnd(s string) int {
	depth := 0
	for i := 0; ; i++ {
		switch s[i] {
		case '"':
			i += stringEnd(s[i:]) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1
			}
		}
	}
}

// unquote returns what a valid JSON string says.
func unquote(quoted string) string {
	if !strings.Contains(quoted, `\`) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // cannot fail on valid JSON
	return s
}
