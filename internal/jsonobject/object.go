package jsonobject

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Object is a JSON object as it is stored: in UTF-8, without insignificant space and with its names in order.
// Numbers stay as they were written, so none loses precision. The empty Object has no members. New and Merge make
// Objects within the limits. Equal Objects have equal texts.
type Object string

// The limits of an Object.
const (
	// MaxSize is the maximum length of the text in bytes.
	MaxSize = 8 << 10
	// MaxDepth is how deep objects and arrays may nest. The object itself counts.
	MaxDepth = 8
)

// The errors of New and Merge. They tell a user what to do, and do not repeat the value.
var (
	ErrTooLong = errors.New("use at most 8 KiB of JSON")
	ErrTooDeep = errors.New("nest objects and lists at most 8 deep")
	ErrNumber  = errors.New("use numbers that a double can hold (RFC 7493), or a string")
	ErrText    = errors.New("use text without NUL characters")
	errValue   = errors.New("use JSON values")
)

// New returns the object with the given members. Their values are those of Read, or int64 and float64.
func New(members map[string]any) (Object, error) {
	checked, err := check(members, 1)
	if err != nil || len(members) == 0 {
		return "", err
	}
	text, err := Encode(checked)
	switch {
	case err != nil:
		return "", err
	case len(text) > MaxSize:
		return "", ErrTooLong
	}
	return Object(text), nil
}

// check returns a copy of a value at a depth, if an Object may contain it.
func check(value any, depth int) (any, error) {
	switch v := value.(type) {
	case nil, bool, int64:
		return v, nil
	case string:
		return v, checkText(v)
	case json.Number:
		if f, err := strconv.ParseFloat(string(v), 64); err != nil || math.IsInf(f, 0) {
			return nil, ErrNumber
		}
		return v, nil
	case float64:
		if math.IsInf(v, 0) || math.IsNaN(v) {
			return nil, ErrNumber
		}
		return v, nil
	case map[string]any:
		if depth > MaxDepth {
			return nil, ErrTooDeep
		}
		checked := make(map[string]any, len(v))
		for name, member := range v {
			if err := checkText(name); err != nil {
				return nil, err
			}
			var err error
			if checked[name], err = check(member, depth+1); err != nil {
				return nil, err
			}
		}
		return checked, nil
	case []any:
		if depth > MaxDepth {
			return nil, ErrTooDeep
		}
		checked := make([]any, len(v)) // never nil, which would become null
		for i, element := range v {
			var err error
			if checked[i], err = check(element, depth+1); err != nil {
				return nil, err
			}
		}
		return checked, nil
	default:
		return nil, errValue
	}
}

func checkText(s string) error {
	if !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return ErrText
	}
	return nil
}

// JSON returns the text of o.
func (o Object) JSON() string {
	if o == "" {
		return "{}"
	}
	return string(o)
}

func (o Object) members() (map[string]any, error) { return Read([]byte(o.JSON())) }

// Merge returns o with a JSON merge patch applied (RFC 7396): a member that is null is removed, an object is merged,
// and every other value replaces the one before.
func (o Object) Merge(patch Object) (Object, error) {
	members, err := o.members()
	if err != nil {
		return "", err
	}
	changes, err := patch.members()
	if err != nil {
		return "", err
	}
	return New(merge(members, changes))
}

// merge is MergePatch of RFC 7396 §2 for objects.
func merge(target, patch map[string]any) map[string]any {
	for name, value := range patch {
		switch v := value.(type) {
		case nil:
			delete(target, name)
		case map[string]any:
			inner, ok := target[name].(map[string]any)
			if !ok {
				inner = map[string]any{}
			}
			target[name] = merge(inner, v)
		default:
			target[name] = v
		}
	}
	return target
}

// At returns the value at a path of names. It reports false if there is none.
func (o Object) At(path []string) (any, bool) {
	members, err := o.members()
	if err != nil {
		return nil, false
	}
	var value any = members
	for _, name := range path {
		object, ok := value.(map[string]any)
		if !ok {
			return nil, false
		}
		if value, ok = object[name]; !ok {
			return nil, false
		}
	}
	return value, true
}

// Encode returns the JSON text of a value, with the names of its objects in order.
func Encode(value any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false) // would lengthen the text for no reader
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

// Append returns the text of an object with members added, in the order of their names. The object has at least one
// member and none of these names.
func Append(object []byte, members map[string]json.RawMessage) ([]byte, error) {
	out := bytes.TrimSuffix(object, []byte("}"))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		quoted, err := Encode(name)
		if err != nil {
			return nil, err
		}
		out = append(append(append(append(out, ','), quoted...), ':'), members[name]...)
	}
	return append(out, '}'), nil
}
