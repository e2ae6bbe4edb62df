// Package jsonobject owns the strict reading of JSON that comes from outside: request bodies, and the
// parts of access tokens. It also owns the JSON objects that accounts contain. Two readers of one text must not
// disagree about what it says, a password or a user for example. So it rejects what they read differently
// (RFC 7493 §2.1, §2.3; RFC 7515 §4).
//
// encoding/json alone does not do: the last of two equal names wins, half a surrogate pair becomes
// U+FFFD, and a struct takes names in any case and null for any value.
package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// The errors of Read. None of them repeats the text.
var (
	ErrSyntax        = errors.New("not JSON")
	ErrNotObject     = errors.New("not a JSON object")
	ErrDuplicateName = errors.New("a name occurs twice")
	ErrSurrogate     = errors.New("a string has half a surrogate pair")
)

// Read reads a text that is one JSON object in UTF-8, with nothing after it. The values are of the types
// map[string]any, []any, string, json.Number, bool and nil. Values nest at most 10,000 deep, which is the
// limit of encoding/json.
func Read(doc []byte) (map[string]any, error) {
	if !utf8.Valid(doc) || !json.Valid(doc) {
		return nil, ErrSyntax
	}
	t := &text{rest: doc}
	if t.next() != '{' {
		return nil, ErrNotObject
	}
	return t.object()
}

// text is the rest of a text that json.Valid has accepted, so nothing below checks the syntax again.
type text struct {
	rest []byte
}

func (t *text) value() (any, error) {
	switch t.next() {
	case '{':
		return t.object()
	case '[':
		return t.array()
	case '"':
		return t.string()
	case 't':
		t.rest = t.rest[len("true"):]
		return true, nil
	case 'f':
		t.rest = t.rest[len("false"):]
		return false, nil
	case 'n':
		t.rest = t.rest[len("null"):]
		return nil, nil
	default:
		return t.number(), nil
	}
}

func (t *text) object() (map[string]any, error) {
	object := map[string]any{}
	for t.rest = t.rest[1:]; t.next() != '}'; {
		name, err := t.string()
		if err != nil {
			return nil, err
		}
		if _, ok := object[name]; ok {
			return nil, ErrDuplicateName
		}
		if object[name], err = t.value(); err != nil {
			return nil, err
		}
	}
	t.rest = t.rest[1:]
	return object, nil
}

func (t *text) array() (any, error) {
	array := []any{}
	for t.rest = t.rest[1:]; t.next() != ']'; {
		element, err := t.value()
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	t.rest = t.rest[1:]
	return array, nil
}

func (t *text) string() (string, error) {
	escaped := false
	end := 1
	for ; t.rest[end] != '"'; end++ {
		if t.rest[end] == '\\' {
			escaped = true
			end++
		}
	}
	s := t.rest[1:end]
	t.rest = t.rest[end+1:]
	if escaped {
		return unescape(s)
	}
	return string(s), nil
}

func (t *text) number() json.Number {
	end := bytes.IndexAny(t.rest, ",]} \t\r\n")
	if end < 0 {
		end = len(t.rest)
	}
	n := json.Number(t.rest[:end])
	t.rest = t.rest[end:]
	return n
}

// next skips what separates values, and returns the first byte after it.
func (t *text) next() byte {
	t.rest = bytes.TrimLeft(t.rest, ",: \t\r\n")
	return t.rest[0]
}

// unescape decodes the inside of a string.
func unescape(s []byte) (string, error) {
	out := make([]byte, 0, len(s))
	for len(s) > 0 {
		if s[0] != '\\' {
			out = append(out, s[0])
			s = s[1:]
			continue
		}
		switch c := s[1]; c {
		case 'u':
			r := codeUnit(s)
			s = s[6:]
			if utf16.IsSurrogate(r) {
				if !bytes.HasPrefix(s, []byte(`\u`)) {
					return "", ErrSurrogate
				}
				if r = utf16.DecodeRune(r, codeUnit(s)); r == utf8.RuneError {
					return "", ErrSurrogate
				}
				s = s[6:]
			}
			out = utf8.AppendRune(out, r)
			continue
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		default: // a quote, a slash or a backslash
			out = append(out, c)
		}
		s = s[2:]
	}
	return string(out), nil
}

// codeUnit decodes the escape \uXXXX at the start of s.
func codeUnit(s []byte) rune {
	n, _ := strconv.ParseUint(string(s[2:6]), 16, 16) // cannot fail on valid JSON
	return rune(n)
}
