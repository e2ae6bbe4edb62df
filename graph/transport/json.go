package transport

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// text is the rest of JSON text that json.Valid has accepted, so that nothing here looks for what
// cannot be missing. encoding/json itself would not do: it lets the last of two equal names win,
// and turns half a surrogate pair into U+FFFD. Both let two readers of one request disagree about
// what it says, a password for example (RFC 7493 §2.1, §2.3).
type text struct {
	rest []byte
}

var (
	errEqualNames    = badRequest("A name occurs twice in one JSON object.")
	errLoneSurrogate = badRequest("A JSON string holds half a surrogate pair.")
)

// value reads one value: a map[string]any, []any, string, json.Number, bool or nil.
func (t *text) value() (any, *refusal) {
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

func (t *text) object() (any, *refusal) {
	object := map[string]any{}
	for t.rest = t.rest[1:]; t.next() != '}'; {
		name, err := t.string()
		if err != nil {
			return nil, err
		}
		if _, ok := object[name]; ok {
			return nil, errEqualNames
		}
		if object[name], err = t.value(); err != nil {
			return nil, err
		}
	}
	t.rest = t.rest[1:]
	return object, nil
}

func (t *text) array() (any, *refusal) {
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

func (t *text) string() (string, *refusal) {
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

// next drops what separates values, and returns the first byte after it.
func (t *text) next() byte {
	t.rest = bytes.TrimLeft(t.rest, ",: \t\r\n")
	return t.rest[0]
}

// unescape returns what the inside of a string says.
func unescape(s []byte) (string, *refusal) {
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
					return "", errLoneSurrogate
				}
				if r = utf16.DecodeRune(r, codeUnit(s)); r == utf8.RuneError {
					return "", errLoneSurrogate
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

// codeUnit returns what the escape \uXXXX says that s begins with.
func codeUnit(s []byte) rune {
	n, _ := strconv.ParseUint(string(s[2:6]), 16, 16) // cannot fail on valid JSON
	return rune(n)
}
