package graph

import (
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"usher/graph/coerce"
	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/jsonobject"
	"usher/internal/password"
)

// A scalar here accepts its own JSON type only. gqlgen's own String takes numbers and booleans
// too, against the specification (GraphQL October 2021 §3.5.3). The errors never repeat the value.

// scalars lists the scalars of the schema with the functions below, which decide what values they accept.
var scalars = map[string]coerce.Scalar{
	"ID":            takes(UnmarshalID),
	"String":        takes(UnmarshalString),
	"Username":      takes(UnmarshalString),
	"EmailAddress":  takes(UnmarshalString),
	"OneTimeSecret": takes(UnmarshalString),

	"ChallengeSolution": takes(UnmarshalString),
	"Duration":          takes(UnmarshalString),

	"Password":   takes(UnmarshalPassword),
	"Date":       takes(UnmarshalDate),
	"DateTime":   takes(UnmarshalDateTime),
	"JSONObject": isObject,
	"Role":       takesRole,
}

func takes[T any](unmarshal func(any) (T, error)) coerce.Scalar {
	return func(value any) bool {
		_, err := unmarshal(value)
		return err == nil
	}
}

// isObject accepts every object. UnmarshalJSONObject checks the limits, because its errors say which is exceeded.
func isObject(value any) bool {
	_, ok := value.(map[string]any)
	return ok
}

func wrongType(want string) error {
	return auth.BadInput(auth.FieldError{Code: auth.InputInvalidFormat, Message: "This must be " + want + "."})
}

// MarshalString writes a string.
func MarshalString(s string) graphql.Marshaler { return graphql.MarshalString(s) }

// UnmarshalString reads a string.
func UnmarshalString(v any) (string, error) {
	if s, ok := v.(string); ok {
		return s, nil
	}
	return "", wrongType("a string")
}

// MarshalPassword writes no password: none ever leaves.
func MarshalPassword(password.Plaintext) graphql.Marshaler { return graphql.Null }

// UnmarshalPassword reads a password.
func UnmarshalPassword(v any) (password.Plaintext, error) {
	s, err := UnmarshalString(v)
	return password.Plaintext(s), err
}

// MarshalRole writes a role.
func MarshalRole(r auth.Role) graphql.Marshaler { return graphql.MarshalString(string(r)) }

// UnmarshalRole reads a role. The domain knows which ones exist.
func UnmarshalRole(v any) (auth.Role, error) {
	s, err := UnmarshalString(v)
	return auth.Role(s), err
}

// takesRole accepts strings, and names as they stand for the values of an enum: role: ADMIN.
func takesRole(v any) bool {
	_, isName := v.(coerce.Name)
	_, err := UnmarshalRole(v)
	return isName || err == nil
}

// MarshalPermission writes a permission.
func MarshalPermission(p auth.Permission) graphql.Marshaler { return graphql.MarshalString(string(p)) }

// UnmarshalPermission reads a permission. The domain knows which ones are valid.
func UnmarshalPermission(v any) (auth.Permission, error) {
	s, err := UnmarshalString(v)
	return auth.Permission(s), err
}

// MarshalID writes an id.
func MarshalID(id uuid.UUID) graphql.Marshaler { return graphql.MarshalString(id.String()) }

// UnmarshalID reads an id. Text that is no id becomes the zero one, which nothing has, so that it
// is answered like any other id that does not exist.
func UnmarshalID(v any) (uuid.UUID, error) {
	s, err := UnmarshalString(v)
	if err != nil {
		return uuid.Nil, err
	}
	id, err := uuid.Parse(s)
	if err != nil {
		return uuid.Nil, nil //nolint:nilerr // See above.
	}
	return id, nil
}

// MarshalProviderID writes the id of a provider, which is in the settings.
func MarshalProviderID(id string) graphql.Marshaler { return graphql.MarshalString(id) }

// UnmarshalProviderID reads the id of a provider.
func UnmarshalProviderID(v any) (string, error) { return UnmarshalString(v) }

// dateTime is RFC 3339 in UTC with the microseconds that the databases keep.
const dateTime = "2006-01-02T15:04:05.999999Z"

// MarshalDateTime writes a point in time.
func MarshalDateTime(t time.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(t.UTC().AppendFormat(make([]byte, 0, 32), strconv.Quote(dateTime)))
	})
}

// UnmarshalDateTime reads a point in time with any offset. In UTC its year must have four digits too (RFC 3339 §5.6).
// SQLite compares times as text, so a longer year would be before all others.
func UnmarshalDateTime(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.RFC3339Nano, s); err == nil && 0 <= t.UTC().Year() && t.UTC().Year() <= 9999 {
			return t.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, wrongType("a point in time such as 2026-01-31T12:00:00Z")
}

// MarshalJSONObject writes a JSON object.
func MarshalJSONObject(o jsonobject.Object) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, o.JSON()) })
}

// UnmarshalJSONObject reads a JSON object.
func UnmarshalJSONObject(v any) (jsonobject.Object, error) {
	members, ok := v.(map[string]any)
	if !ok {
		return "", wrongType("an object")
	}
	o, err := jsonobject.New(members)
	if err != nil {
		return "", auth.BadInput(auth.InvalidField("", err))
	}
	return o, nil
}

// MarshalDate writes the day of a point in time, in UTC.
func MarshalDate(t time.Time) graphql.Marshaler {
	return graphql.MarshalString(t.UTC().Format(time.DateOnly))
}

// UnmarshalDate reads a day, as its start in UTC.
func UnmarshalDate(v any) (time.Time, error) {
	if s, ok := v.(string); ok {
		if t, err := time.Parse(time.DateOnly, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, wrongType("a day such as 2026-01-31")
}

// The enums of the domain.

func unmarshalEnum[T ~string](v any, values []T, want string) (T, error) {
	s, _ := v.(string)
	if slices.Contains(values, T(s)) {
		return T(s), nil
	}
	return "", wrongType(want)
}

// MarshalAuthCheck writes a check.
func MarshalAuthCheck(c auth.Check) graphql.Marshaler { return graphql.MarshalString(string(c)) }

// UnmarshalAuthCheck reads a check.
func UnmarshalAuthCheck(v any) (auth.Check, error) {
	return unmarshalEnum(v, []auth.Check{auth.CheckSession, auth.CheckToken}, "SESSION or TOKEN")
}

// MarshalSessionTransport writes where a refresh token is kept.
func MarshalSessionTransport(t signin.SessionTransport) graphql.Marshaler {
	return graphql.MarshalString(string(t))
}

// UnmarshalSessionTransport reads where a refresh token is kept.
func UnmarshalSessionTransport(v any) (signin.SessionTransport, error) {
	return unmarshalEnum(v, []signin.SessionTransport{signin.TransportToken, signin.TransportCookie}, "TOKEN or COOKIE")
}

// MarshalAuditEventKind writes the kind of an event.
func MarshalAuditEventKind(k auth.AuditEventKind) graphql.Marshaler {
	return graphql.MarshalString(string(k))
}

// UnmarshalAuditEventKind reads the kind of an event.
func UnmarshalAuditEventKind(v any) (auth.AuditEventKind, error) {
	return unmarshalEnum(v, auth.AuditEventKinds, "the kind of an event")
}

// MarshalSigningKeyState writes the state of a signing key.
func MarshalSigningKeyState(s auth.SigningKeyState) graphql.Marshaler {
	return graphql.MarshalString(string(s))
}

// UnmarshalSigningKeyState reads the state of a signing key.
func UnmarshalSigningKeyState(v any) (auth.SigningKeyState, error) {
	return unmarshalEnum(v, []auth.SigningKeyState{
		auth.SigningKeyPublished, auth.SigningKeySigning, auth.SigningKeyVerifying, auth.SigningKeyExpired, auth.SigningKeyRetired,
	}, "the state of a signing key")
}

// MarshalSignupMode writes the mode of sign-ups.
func MarshalSignupMode(m auth.SignupMode) graphql.Marshaler { return graphql.MarshalString(string(m)) }

// UnmarshalSignupMode reads the mode of sign-ups.
func UnmarshalSignupMode(v any) (auth.SignupMode, error) {
	return unmarshalEnum(v, auth.SignupModes, "a mode of sign-ups")
}

// MarshalMailKind writes the kind of a mail.
func MarshalMailKind(k auth.MailKind) graphql.Marshaler { return graphql.MarshalString(string(k)) }

// UnmarshalMailKind reads the kind of a mail.
func UnmarshalMailKind(v any) (auth.MailKind, error) {
	return unmarshalEnum(v, auth.MailKinds, "the kind of a mail")
}

// MarshalMailState writes the state of a mail.
func MarshalMailState(s auth.MailState) graphql.Marshaler { return graphql.MarshalString(string(s)) }

// UnmarshalMailState reads the state of a mail.
func UnmarshalMailState(v any) (auth.MailState, error) {
	return unmarshalEnum(v, auth.MailStates, "the state of a mail")
}

// MarshalUserOrderField writes by what users are listed.
func MarshalUserOrderField(f auth.UserOrderField) graphql.Marshaler {
	return graphql.MarshalString(string(f))
}

// UnmarshalUserOrderField reads by what users are listed.
func UnmarshalUserOrderField(v any) (auth.UserOrderField, error) {
	return unmarshalEnum(v, []auth.UserOrderField{auth.UsersByCreatedAt, auth.UsersByUsername, auth.UsersByEmail}, "what users are listed by")
}

// MarshalOrderDirection writes a direction.
func MarshalOrderDirection(d admin.OrderDirection) graphql.Marshaler {
	return graphql.MarshalString(string(d))
}

// UnmarshalOrderDirection reads a direction.
func UnmarshalOrderDirection(v any) (admin.OrderDirection, error) {
	return unmarshalEnum(v, []admin.OrderDirection{admin.Ascending, admin.Descending}, "ASC or DESC")
}
