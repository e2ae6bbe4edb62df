package graph_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/sessions"
	"usher/internal/e2e/operations"
	"usher/internal/store"
	"usher/internal/storetest"
)

var (
	operationsSeed  = flag.Uint64("operations.seed", 1, "the seed of TestOperations")
	operationsCount = flag.Int("operations.count", 0, "how many operations TestOperations runs on SQLite; 0 is its own number")
	operationsTrace = flag.Bool("operations.trace", false, "print each operation before it runs, to find one that ends the process")
)

// TestOperations sends random operations to the whole server. Most are wrong in some way. The server answers
// all of them as its schema says, and has not begun what it refuses.
func TestOperations(t *testing.T) {
	t.Parallel()
	n := *operationsCount
	if n == 0 {
		n = operationsBudget
	}
	for _, tt := range []struct {
		name, database string
		development    bool
		count          int
	}{
		{"sqlite", "sqlite", false, n},
		{"postgres", "postgres", false, n / 6},
		{"development", "sqlite", true, n / 6},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			target := newTarget(t, tt.database, tt.development)
			for i := range tt.count {
				seed := *operationsSeed + uint64(i)
				source := operations.NewSource(seed)
				who := target.anyone(source)
				op := operations.New(target.schema.Schema, target.words, source)
				if *operationsTrace {
					fmt.Printf("%s, seed %d as %q: %s\n", tt.name, seed, who, encode(t, op))
				}
				if err := target.run(t, who, op); err != nil {
					t.Fatalf("%v\nseed %d as %q: %s", err, seed, who, encode(t, op))
				}
			}
			t.Logf("%d operations: %d refused as requests, %d with errors, %d without", tt.count, target.refused, target.failed, target.done)
			if least := tt.count / 20; target.refused < least || target.failed < least || target.done < least {
				t.Error("one kind of answer is so rare that little was tested")
			}
		})
	}
}

// FuzzOperations is TestOperations without an end: the fuzzer says what is chosen.
func FuzzOperations(f *testing.F) {
	for seed := range byte(50) {
		f.Add([]byte{seed, seed * 7, seed * 31})
	}
	target := newTarget(f, "sqlite", false)
	f.Fuzz(func(t *testing.T, data []byte) {
		source := operations.Bytes(data)
		who := target.anyone(source)
		op := operations.New(target.schema.Schema, target.words, source)
		if err := target.run(t, who, op); err != nil {
			t.Errorf("%v\nas %q: %s", err, who, encode(t, op))
		}
	})
}

// target is a server over a filled database: two users with a role each, with three sessions and an
// audit log, and those of newServer.
type target struct {
	*server
	schema *directive.Schema
	words  operations.Words
	db     *sql.Conn // another connection to the database
	print  string    // the query for the fingerprint of the database
	user   *sessions.Tokens
	admin  *sessions.Tokens
	made   int // pairs of them

	refused, failed, done int
}

// fingerprints change with every write that is committed.
var fingerprints = map[string]string{
	"sqlite": `PRAGMA data_version`, // https://www.sqlite.org/pragma.html#pragma_data_version
	"postgres": `SELECT concat_ws(' ',` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM users),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM credentials),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM sessions),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM audit_events),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM roles),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM mail_messages),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM mailed_secrets),` +
		` (SELECT concat(count(*), ':', max(xmin::text::bigint)) FROM role_permissions))`,
}

func newTarget(t testing.TB, database string, development bool) *target {
	t.Helper()
	url := storetest.URLs[database](t)
	s, err := store.Open(t.Context(), url, store.Options{})
	check(t, err)
	t.Cleanup(func() { check(t, s.Close()) })
	driver, dsn := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", path
	}
	db, err := sql.Open(driver, dsn)
	check(t, err)
	t.Cleanup(func() { check(t, db.Close()) })
	conn, err := db.Conn(t.Context())
	check(t, err)
	schema, err := graph.AccessSchema(false)
	check(t, err)
	server := newServerWith(t, s, func(o graph.Options) (http.Handler, error) {
		o.Introspection = development
		return graph.New(o)
	}, unlimited(settings), false)
	target := &target{server: server, schema: schema, db: conn, print: fingerprints[database]}
	target.fill(t)
	return target
}

// fill makes a new pair of users, since the last one may be disabled, demoted or gone.
func (w *target) fill(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	w.made++
	person := func(name string, roles []auth.Role) *sessions.Tokens {
		name = fmt.Sprintf("%s%d", name, w.made)
		email := name + "@example.com"
		_, err := w.domain.Operator.CreateUser(ctx, accounts.Input{Username: &name, Email: &email, Password: goodPassword}, roles)
		check(t, err)
		var p *sessions.Tokens
		for range 3 {
			p, err = w.domain.Sessions.Login(ctx, sessions.LoginInput{Identifier: name, Password: goodPassword})
			check(t, err)
		}
		return p
	}
	w.user, w.admin = person("user", []auth.Role{auth.RoleUser}), person("admin", auth.Roles)
	w.people["user"], w.people["admin"] = w.user.AccessToken, w.admin.AccessToken
	w.words = operations.Words{
		"ID": {
			w.user.User.ID.String(), w.admin.User.ID.String(), w.user.Session.ID.String(), w.admin.Session.ID.String(),
			w.ada.User.ID.String(), "00000000-0000-0000-0000-000000000000",
		},
		"Password":      {goodPassword, goodPassword, "hunter2", "hunter2 hunter2 hunter2"},
		"OneTimeSecret": {w.secrets["<reset token>"], w.secrets["<reset code>"], w.secrets["<verification token>"], "123456"},
		"Username":      {"someone", *w.user.User.Username, "Ada"},
		"EmailAddress":  {"someone@example.com", "ada@example.com"},
		"Role":          {"USER", "ADMIN", "ADMIN", "EDITOR", "EDITOR_2", "no role"},
		"String":        {*w.user.User.Username, *w.admin.User.Username, w.user.RefreshToken, "ada@example.com", "orders:read", "audit:read", w.secrets["<reset flow>"]},
	}
	w.log.take()
}

func (w *target) anyone(source operations.Source) string {
	return []string{"", "user", "admin", "admin"}[source.IntN(4)]
}

func (w *target) fingerprint(t testing.TB) (value string) {
	t.Helper()
	check(t, w.db.QueryRowContext(t.Context(), w.print).Scan(&value))
	return value
}

// run sends an operation, and returns what is wrong with the answer.
func (w *target) run(t testing.TB, who string, op operations.Operation) error {
	t.Helper()
	before := w.fingerprint(t)
	status, raw := w.send(t, who, encode(t, op))
	var answer answer
	if err := json.Unmarshal(raw, &answer); err != nil {
		return fmt.Errorf("the answer is not JSON: %w", err)
	}
	if err := w.judge(who, op.Query, status, &answer); err != nil {
		return fmt.Errorf("%w\nanswer %d %s", err, status, raw)
	}
	if err := w.leaks(raw); err != nil {
		return err
	}
	if answer.Data == nil {
		if after := w.fingerprint(t); after != before {
			return fmt.Errorf("the request was refused, and the database has changed\nanswer %s", raw)
		}
	} else if strings.Contains(op.Query, "mutation") && !w.intact(t.Context()) {
		w.fill(t)
	}
	return nil
}

func encode(t testing.TB, op operations.Operation) []byte {
	t.Helper()
	body, err := json.Marshal(op)
	check(t, err)
	return body
}

func (w *target) send(t testing.TB, who string, body []byte) (int, []byte) {
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+w.people[who])
	}
	recorder := httptest.NewRecorder()
	w.whole.ServeHTTP(recorder, r)
	return recorder.Code, recorder.Body.Bytes()
}

// answer is what can be told from an answer. Data is nil when there is no such member.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Path       []any
		Extensions struct{ Code, RequestID string }
	}
}

// judge says what an answer has that none must have.
func (w *target) judge(who, query string, status int, a *answer) error {
	switch {
	case a.Data == nil && len(a.Errors) == 0:
		return fmt.Errorf("neither data nor errors")
	case a.Data == nil && status != http.StatusBadRequest, a.Data != nil && status != http.StatusOK:
		return fmt.Errorf("the status is %d", status)
	case a.Data == nil:
		w.refused++
	case len(a.Errors) > 0:
		w.failed++
	default:
		w.done++
	}
	for _, e := range a.Errors {
		code := e.Extensions.Code
		switch {
		case !graph.ErrorCode(code).IsValid(), code == "INTERNAL_SERVER_ERROR", code == "SERVICE_UNAVAILABLE":
			return fmt.Errorf("the code is %q", code)
		case strings.Contains(e.Message, "pgx"):
			return fmt.Errorf("the message is the database's")
		case e.Extensions.RequestID == "" || e.Message == "":
			return fmt.Errorf("an error has no id or no message")
		case a.Data == nil && !slices.Contains(ofRequests, code):
			return fmt.Errorf("the request is refused with %q", code)
		case a.Data != nil && slices.Contains(ofRequests, code) && code != "GRAPHQL_VALIDATION_FAILED": // introspection
			return fmt.Errorf("the request is served with %q", code)
		case who == "" && code == "BAD_USER_INPUT" && !w.public(query, e.Path):
			return fmt.Errorf("the arguments of a guarded field were looked at")
		}
	}
	return nil
}

// ofRequests are the codes of what is refused as a whole.
var ofRequests = []string{"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "OPERATION_TOO_COMPLEX", "BAD_REQUEST"}

// public reports whether a path begins in a field that everyone may have.
func (w *target) public(query string, path []any) bool {
	if len(path) == 0 {
		return false
	}
	names := []string{fmt.Sprint(path[0])}
	for _, aliased := range regexp.MustCompile(`\b`+names[0]+`: (\w+)`).FindAllStringSubmatch(query, -1) {
		names = append(names, aliased[1])
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains([]string{
			"signup", "login", "refresh", "verifyEmail", "requestPasswordReset", "resetPassword", "confirmEmailChange",
			"cancelEmailChange", "requestSignup", "completeSignup", "completeLogin", "requestLoginCode", "loginWithCode",
			"beginPasskeyLogin", "loginWithPasskey", "beginProviderLogin", "completeProviderLogin", "loginWithIdToken",
		}, name)
	})
}

// leaks looks in an answer and in what the log says of it.
func (w *target) leaks(answer []byte) error {
	log := w.log.take()
	for _, what := range []string{"internal error", "panic", "goroutine", "service unavailable"} {
		if strings.Contains(log, what) {
			return fmt.Errorf("the log says %q:\n%s", what, log)
		}
	}
	for _, secret := range append(slices.Clone(secrets), w.people["user"], w.people["admin"], w.people["ada"]) {
		// A short word can occur in a cursor by chance.
		if len(secret) > 3 && bytes.Contains(answer, []byte(secret)) {
			return fmt.Errorf("the answer holds %q: %s", secret, answer)
		}
		if strings.Contains(log, secret) {
			return fmt.Errorf("the log holds %q:\n%s", secret, log)
		}
	}
	if strings.Contains(log, w.user.RefreshToken) {
		return fmt.Errorf("the log holds a refresh token:\n%s", log)
	}
	return nil
}

// intact reports whether the users are still what they were made as.
func (w *target) intact(ctx context.Context) bool {
	for _, p := range []*sessions.Tokens{w.user, w.admin} {
		v, err := w.domain.Access.Viewer(access.WithCaller(ctx, w.domain.Access.Identify(p.AccessToken)))
		if err != nil || !slices.Equal(v.User.Roles, p.User.Roles) {
			return false
		}
	}
	return true
}
