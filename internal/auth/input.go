package auth

import (
	"errors"
	"strings"

	"usher/internal/identity"
	"usher/internal/jsonobject"
	"usher/internal/password"
)

// inputMessages tell a user how to fill in a field of the input. Errors of passwords have texts of their own.
var inputMessages = map[string]string{
	"username": "Use 2 to 64 letters, digits and punctuation marks of one script, without spaces and @.",
	"email":    "Use one plain address such as ada@example.com.",
	"fullName": "Use at most 200 characters on one line.",
	"locale":   "Use a language tag such as en or pt-BR.",

	"name":        "Use 1 to 100 characters on one line.",
	"description": "Use at most 200 characters on one line.",
}

// InvalidField translates a leaf package's error about a value of the input.
func InvalidField(field string, err error) FieldError {
	f := FieldError{Field: field, Code: InputInvalidFormat, Message: inputMessages[field]}
	switch {
	case errors.Is(err, identity.Required):
		f.Code = InputRequired
	case errors.Is(err, identity.TooShort), errors.Is(err, password.TooShort):
		f.Code = InputTooShort
	case errors.Is(err, identity.TooLong), errors.Is(err, password.TooLong), errors.Is(err, jsonobject.ErrTooLong):
		f.Code = InputTooLong
	case errors.Is(err, password.TooCommon):
		f.Code = InputTooCommon
	case errors.Is(err, password.Compromised):
		f.Code = InputCompromised
	}
	if f.Message == "" {
		text := err.Error()
		f.Message = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return f
}

// ParseLocale reads a language tag. An empty one means no locale.
func ParseLocale(raw string) (*string, error) {
	locale, err := identity.ParseLocale(raw)
	if err != nil || locale == "" {
		return nil, err
	}
	return &locale, nil
}

// FullName is a full name and its search key; both are nil for no name.
type FullName struct {
	Text, Key *string
}

// ParseFullName reads a full name. An empty one means no name.
func ParseFullName(raw string) (FullName, error) {
	text, err := identity.ParseFullName(raw)
	if err != nil || text == "" {
		return FullName{}, err
	}
	return FullName{&text, new(SearchKey(text))}, nil
}

// maxSearchKey limits search keys, in code points. A key may be many times as long as its name, and an index of
// PostgreSQL accepts at most 2.6 KiB.
const maxSearchKey = 200

// SearchKey returns the search key of a name, or of a text to search for.
func SearchKey(text string) string {
	key := []rune(identity.SearchKey(text))
	return string(key[:min(len(key), maxSearchKey)])
}
