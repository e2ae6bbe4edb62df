package graph_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"

	"usher/graph"
	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/keyring"
	"usher/internal/rekey"
	"usher/internal/token"
)

// BenchmarkFields executes `me` with 1, 10 and 100 fields more, which are public, guarded for a role,
// or guarded for a role or the owner. The difference from public fields is the cost of the guards. The
// viewer is looked up without a database, once in each request.
func BenchmarkFields(b *testing.B) {
	service, bearer := oneUser(b)
	server, err := graph.NewExecutor(service)
	check(b, err)
	for _, n := range []int{1, 10, 100} {
		for _, bb := range []struct{ name, field string }{
			{"public", "username"}, {"role", "disabledAt"}, {"owner", "email"},
		} {
			b.Run(fmt.Sprintf("%s/%d", bb.name, n), func(b *testing.B) {
				var query strings.Builder
				query.WriteString("{ me {")
				for i := range n {
					fmt.Fprintf(&query, " f%d: %s", i, bb.field)
				}
				query.WriteString(" } }")
				op, errs := server.CreateOperationContext(graphql.StartOperationTrace(b.Context()), &graphql.RawParams{Query: query.String()})
				if errs != nil {
					b.Fatal(errs)
				}
				b.ReportAllocs()
				for b.Loop() {
					ctx := access.WithCaller(b.Context(), service.Identify(bearer))
					respond, ctx := server.DispatchOperation(ctx, op)
					response := respond(ctx)
					if len(response.Errors) > 0 {
						b.Fatal(response.Errors)
					}
					_, _ = io.Discard.Write(response.Data)
				}
			})
		}
	}
}

// oneUser returns a service that knows one user, an administrator, and their access token.
func oneUser(t testing.TB) (*access.Service, string) {
	t.Helper()
	now := time.Now()
	user := auth.User{ID: uuid.UUID{6: 0x70, 8: 0x80, 15: 1}, Username: new("Ada"), Email: new("ada@example.com"), Roles: auth.Roles, CreatedAt: now}
	session := auth.Session{ID: uuid.UUID{6: 0x70, 8: 0x80, 15: 2}, UserID: user.ID, AuthTime: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour)}
	whole, err := app.New(t.Context(), settings, slog.New(slog.DiscardHandler), app.Overrides{
		Store: oneViewer{viewer: auth.Viewer{User: user, Session: session}}, CheapPasswords: true,
	})
	check(t, err)
	bearer, err := whole.Tokens.Sign(token.Claims{
		ID: "1", Subject: user.ID.String(), SessionID: session.ID.String(), ClientID: "usher", AuthTime: now, Roles: []string{"USER", "ADMIN"},
	})
	check(t, err)
	return whole.Domain.Access, bearer
}

// oneViewer is a store with one viewer. Apart from that it has only what a server needs to start.
type oneViewer struct {
	app.Store
	viewer auth.Viewer
}

func (s oneViewer) Viewer(context.Context, uuid.UUID) (*auth.Viewer, error) {
	v := s.viewer
	return &v, nil
}

// Roles has all that the schema requires.
func (oneViewer) Roles(context.Context) (roles []auth.RoleDefinition, err error) {
	required, err := graph.Requirements()
	for _, r := range required {
		roles = append(roles, auth.RoleDefinition{Name: r.Role, Permissions: []auth.Permission{r.Permission}})
	}
	return roles, err
}

func (oneViewer) SigningKeys(context.Context) ([]keyring.Record, error) { return nil, nil }
func (oneViewer) ServerSecrets(context.Context) ([]rekey.Record, error) { return nil, nil }
func (oneViewer) UseServerSecret(context.Context, *rekey.Record) error  { return nil }
func (oneViewer) Ready(context.Context) error                           { return nil }
