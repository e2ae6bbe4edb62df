package graph

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"usher/graph/limit"
	"usher/graph/signin"
	"usher/graph/transport"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/request"
)

// TestPresentedCodes proves that every error leaves with a code of the schema, a text and the
// request's id, and with nothing of what it wraps. present is the only way out of the server.
func TestPresentedCodes(t *testing.T) {
	t.Parallel()
	const secret = "canary /srv/usher SELECT hunter2"
	coded := func(code, rule string) error {
		return &gqlerror.Error{Message: secret, Rule: rule, Extensions: map[string]any{"code": code, "secret": secret}}
	}
	tests := map[string]struct {
		err  error
		want map[string]any
	}{
		"unknown":         {errors.New(secret), map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"located unknown": {&gqlerror.Error{Err: errors.New(secret), Message: secret}, map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"bare gqlerror":   {gqlerror.Errorf("%s", secret), map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"foreign code":    {coded("MADE_UP", ""), map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"foreign domain":  {&auth.Error{Code: "MADE_UP", Err: errors.New(secret)}, map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"panic":           {(&presenter{log: quiet()}).recover(t.Context(), secret), map[string]any{"code": "INTERNAL_SERVER_ERROR"}},
		"database gone":   {fmt.Errorf("%s: %w", secret, auth.ErrUnavailable), map[string]any{"code": "SERVICE_UNAVAILABLE", "retryAfter": 2}},
		"too slow":        {fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), map[string]any{"code": "SERVICE_UNAVAILABLE", "retryAfter": 2}},
		"client gone":     {fmt.Errorf("%s: %w", secret, context.Canceled), map[string]any{"code": "SERVICE_UNAVAILABLE", "retryAfter": 2}},
		"parse":           {coded("GRAPHQL_PARSE_FAILED", ""), map[string]any{"code": "GRAPHQL_PARSE_FAILED"}},
		"values":          {coded("GRAPHQL_VALIDATION_FAILED", "ValuesOfCorrectType"), map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}},
		"no rule":         {coded("GRAPHQL_VALIDATION_FAILED", ""), map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}},
		"forbidden":       {&auth.Error{Code: auth.CodeForbidden, Err: errors.New(secret)}, map[string]any{"code": "FORBIDDEN"}},
		"wrong":           {auth.ErrInvalidCredentials, map[string]any{"code": "INVALID_CREDENTIALS"}},
		"unknown passkey": {
			&auth.Error{Code: auth.CodeInvalidCredentials, UnknownPasskey: true},
			map[string]any{"code": "INVALID_CREDENTIALS", "unknownPasskey": true},
		},
		"anonymous": {
			fmt.Errorf("%s: %w", secret, &auth.Error{Code: auth.CodeUnauthenticated, Reason: auth.ReasonNoToken}),
			map[string]any{"code": "UNAUTHENTICATED", "reason": "NO_TOKEN"},
		},
		"busy": {
			&auth.Error{Code: auth.CodeServiceUnavailable, RetryAfter: 1100 * time.Millisecond, Err: errors.New(secret)},
			map[string]any{"code": "SERVICE_UNAVAILABLE", "retryAfter": 2},
		},
		"limited": {
			&auth.Error{Code: auth.CodeRateLimited, RetryAfter: time.Minute},
			map[string]any{"code": "RATE_LIMITED", "retryAfter": 60},
		},
		"input": {
			auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputTaken, Message: "Taken."}),
			map[string]any{"code": "BAD_USER_INPUT", "fields": []map[string]any{
				{"path": []string{"email"}, "code": "TAKEN", "message": "Taken."},
			}},
		},
		"input located by gqlgen": {
			gqlerror.WrapPath(
				ast.Path{ast.PathName("alias"), ast.PathName("input"), ast.PathName("ids"), ast.PathIndex(2)},
				auth.BadInput(auth.FieldError{Code: auth.InputInvalidFormat, Message: "No."}),
			),
			map[string]any{"code": "BAD_USER_INPUT", "fields": []map[string]any{
				{"path": []string{"input", "ids", "2"}, "code": "INVALID_FORMAT", "message": "No."},
			}},
		},
	}
	ctx := request.With(t.Context(), &request.Exchange{Info: request.Info{ID: "req-1"}})
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := (&presenter{log: quiet()}).present(ctx, tt.err)
			tt.want["requestId"] = "req-1"
			if diff := cmp.Diff(tt.want, got.Extensions); diff != "" {
				t.Errorf("extensions (-want +got):\n%s", diff)
			}
			if code, _ := got.Extensions["code"].(string); !ErrorCode(code).IsValid() {
				t.Errorf("code %q is not in the schema", code)
			}
			if got.Message == "" || strings.Contains(got.Error(), "canary") {
				t.Errorf("message %q, want a text without the cause", got.Error())
			}
		})
	}
}

// TestUnavailableLog compares what the log says of a database that is down and of one that is busy.
func TestUnavailableLog(t *testing.T) {
	t.Parallel()
	ctx := request.With(t.Context(), &request.Exchange{Info: request.Info{ID: "req-1"}})
	for cause, err := range map[string]error{
		"database unreachable": auth.ErrUnreachable,
		"database busy":        auth.ErrBusy,
		"request timed out":    context.DeadlineExceeded,
	} {
		var log bytes.Buffer
		shown := (&presenter{log: slog.New(slog.NewTextHandler(&log, nil))}).present(ctx, fmt.Errorf("look up users: %w", err))
		if shown.Message != messages[ErrorCodeServiceUnavailable] {
			t.Errorf("%s: the client sees %q", cause, shown.Message)
		}
		want := fmt.Sprintf("level=ERROR msg=\"service unavailable\" id=req-1 cause=%q err=%q\n", cause, "look up users: "+err.Error())
		if _, got, _ := strings.Cut(log.String(), " "); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestArgumentPath finds the values that the domain names among the arguments of each kind of field.
func TestArgumentPath(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		field, value string
		want         []string
	}{
		"of the input":         {"signup", "email", []string{"input", "email"}},
		"the whole input":      {"signup", "input", []string{"input"}},
		"of a filter":          {"users", "search", []string{"filter", "search"}},
		"of an order":          {"users", "direction", []string{"orderBy", "direction"}},
		"an argument":          {"users", "first", []string{"first"}},
		"none of the schema's": {"signup", "color", []string{"color"}},
		"located by gqlgen":    {"signup", "", nil},
	} {
		root := parsedSchema.Mutation
		if root.Fields.ForName(tt.field) == nil {
			root = parsedSchema.Query
		}
		ctx := graphql.WithFieldContext(t.Context(), &graphql.FieldContext{
			Field: graphql.CollectedField{Field: &ast.Field{Definition: root.Fields.ForName(tt.field)}},
		})
		if diff := cmp.Diff(tt.want, argumentPath(ctx, tt.value)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestPresentedMessages shows the errors whose text is the maker's own.
func TestPresentedMessages(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code, rule string
	}{
		"name of a field": {"GRAPHQL_VALIDATION_FAILED", "FieldsOnCorrectType"},
		"not a request":   {transport.CodeBadRequest, ""},
		"a hash":          {transport.CodePersistedQueryNotSupported, ""},
		"too large":       {limit.CodeTooComplex, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := &gqlerror.Error{Message: "own text", Rule: tt.rule, Extensions: map[string]any{"code": tt.code}}
			got := (&presenter{log: quiet()}).present(t.Context(), in)
			if got.Message != "own text" || got.Extensions["code"] != tt.code {
				t.Errorf("got %q with code %v, want the text and code it came with", got.Message, got.Extensions["code"])
			}
		})
	}
}

// TestWrongCredentials presents each kind of credential that is wrong, with one code and a message of its own.
func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	seen := map[string]auth.AuthMethod{}
	for _, m := range append(slices.Clone(auth.AllAuthMethods), "") {
		got := (&presenter{log: quiet()}).present(t.Context(), auth.WrongCredential(m))
		if got.Extensions["code"] != ErrorCodeInvalidCredentials.String() || got.Message == "" {
			t.Errorf("%q: %q with code %v", m, got.Message, got.Extensions["code"])
		}
		if other, ok := seen[got.Message]; ok {
			t.Errorf("%q has the message of %q: %q", m, other, got.Message)
		}
		seen[got.Message] = m
		if named := strings.Contains(got.Message, "password"); named != (m == auth.AuthMethodPassword || m == "") {
			t.Errorf("%q: the message is %q", m, got.Message)
		}
	}
}

// TestDomainCodes keeps the domain's enumerations and the schema's the same.
func TestDomainCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []auth.Code{
		auth.CodeUnauthenticated, auth.CodeForbidden, auth.CodeStepUpRequired, auth.CodeInvalidCredentials,
		auth.CodeBadUserInput, auth.CodeRateLimited, auth.CodeServiceUnavailable, auth.CodeMailDisabled,
		auth.CodeEmailConfirmationRequired, auth.CodeInvitationRequired, auth.CodeSignupClosed,
	} {
		if !ErrorCode(c).IsValid() {
			t.Errorf("domain code %q is not in the schema's ErrorCode", c)
		}
	}
	for _, r := range AllUnauthenticatedReason {
		switch auth.Reason(r) {
		case auth.ReasonNoToken, auth.ReasonTokenExpired, auth.ReasonTokenInvalid, auth.ReasonSessionEnded, auth.ReasonAccountDisabled:
		default:
			t.Errorf("the schema's reason %q is unknown to the domain", r)
		}
	}
	for _, c := range AllInputErrorCode {
		switch auth.InputCode(c) {
		case auth.InputRequired, auth.InputTaken, auth.InputTooShort, auth.InputTooLong, auth.InputInvalidFormat, auth.InputTooCommon, auth.InputCompromised, auth.InputNotFound, auth.InputLastAdmin,
			auth.InputTooMany, auth.InputInUse, auth.InputSameAsBefore, auth.InputExpired, auth.InputIncorrect, auth.InputLastCredential:
		default:
			t.Errorf("the schema's input code %q is unknown to the domain", c)
		}
	}
	enum := func(name string) (values []string) {
		for _, v := range parsedSchema.Types[name].EnumValues {
			values = append(values, v.Name)
		}
		return values
	}
	sameNames(t, "AuditEventKind", enum("AuditEventKind"), auth.AuditEventKinds)
	sameNames(t, "UserOrderField", enum("UserOrderField"), []auth.UserOrderField{auth.UsersByCreatedAt, auth.UsersByUsername, auth.UsersByEmail})
	sameNames(t, "OrderDirection", enum("OrderDirection"), []admin.OrderDirection{admin.Ascending, admin.Descending})
	sameNames(t, "SessionTransport", enum("SessionTransport"), []signin.SessionTransport{signin.TransportToken, signin.TransportCookie})
	sameNames(t, "AuthCheck", enum("AuthCheck"), []auth.Check{auth.CheckSession, auth.CheckToken})
}

func sameNames[T ~string](t *testing.T, enum string, schema []string, domain []T) {
	t.Helper()
	names := make([]string, len(domain))
	for i, v := range domain {
		names[i] = string(v)
	}
	if diff := cmp.Diff(schema, names); diff != "" {
		t.Errorf("%s (-schema +domain):\n%s", enum, diff)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
