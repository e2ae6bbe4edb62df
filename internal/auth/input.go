package auth

import (
	"errors"
	"strings"
	"time"

	"usher/internal/identity"
	"usher/internal/password"
)

// inputMessages tell a person how to fill in a field of the input. A password's problem brings its
// own text.
var inputMessages = map[string]string{
	"username": "Use 2 to 64 letters, digits and punctuation marks of one script, without spaces and @.",
	"email":    "Use one plain address such as ada@example.com.",
	"fullName": "Use at most 200 characters on one line.",
}

// fieldError translates what a leaf package found wrong with a value of the input.
func fieldError(field string, err error) FieldError {
	f := FieldError{Path: []string{"input", field}, Code: InputInvalidFormat, Message: inputMessages[field]}
	switch {
	case errors.Is(err, identity.Required):
		f.Code = InputRequired
	case errors.Is(err, identity.TooShort), errors.Is(err, password.TooShort):
		f.Code = InputTooShort
	case errors.Is(err, identity.TooLong), errors.Is(err, password.TooLong):
		f.Code = InputTooLong
	case errors.Is(err, password.TooCommon):
		f.Code = InputTooCommon
	}
	if f.Message == "" {
		text := err.Error()
		f.Message = strings.ToUpper(text[:1]) + text[1:] + "."
	}
	return f
}

// fullName is a full name and the form in which it is searched; both are nil when there is none.
type fullName struct {
	text, key *string
}

func parseFullName(raw string) (fullName, error) {
	text, err := identity.ParseFullName(raw)
	if err != nil || text == "" {
		return fullName{}, err
	}
	return fullName{&text, new(searchKey(text))}, nil
}

// maxSearchKey is how much of a name is searched, in code points. The form in which it is may be
// many times as long as the name, and an index of PostgreSQL takes no key beyond 2.6 KiB.
const maxSearchKey = 200

// searchKey returns the form in which a text is searched, or to be searched for.
func searchKey(text string) string {
	key := []rune(identity.SearchKey(text))
	return string(key[:min(len(key), maxSearchKey)])
}

// busyRetry is what a client is told to wait when every hashing slot and the queue are full.
const busyRetry = time.Second

func hashingError(err error) error {
	if errors.Is(err, password.ErrBusy) {
		return &Error{Code: CodeServiceUnavailable, RetryAfter: busyRetry, Err: err}
	}
	return err
}
