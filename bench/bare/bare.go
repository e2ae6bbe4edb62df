// Package bare owns the server that a team would write with gqlgen alone. It answers `me` for the user of a
// bearer token, with one SELECT of the session and its user. It has no access rules, limits, request log or
// request IDs. `go generate` writes generated.go and models_gen.go.
package bare

//go:generate go tool gqlgen generate

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/99designs/gqlgen/graphql/handler/transport"
	"github.com/golang-jwt/jwt/v5"
	"github.com/jmoiron/sqlx"
	"github.com/vektah/gqlparser/v2/ast"
)

// cacheSize is the number of parsed documents in the tuned server's cache, as in gqlgen's documentation.
const cacheSize = 1000

// New returns the handler of POST /graphql. It only reads the database. By default it is configured as in gqlgen's
// tutorial. If tuned, it has only the POST transport and a cache of parsed documents.
func New(ctx context.Context, db *sqlx.DB, key []byte, tuned bool) (http.Handler, error) {
	viewer, err := db.PreparexContext(ctx, `
		SELECT users.id, users.username, users.email, users.roles, users.created_at,
			sessions.ended_at, sessions.expires_at, sessions.last_used_at, users.disabled_at
		FROM sessions JOIN users ON users.id = sessions.user_id
		WHERE sessions.id = $1`)
	if err != nil {
		return nil, err
	}
	schema := NewExecutableSchema(Config{Resolvers: &resolver{viewer}})
	server := handler.NewDefaultServer(schema)
	if tuned {
		server = handler.New(schema)
		server.AddTransport(transport.POST{})
		server.SetQueryCache(lru.New[*ast.QueryDocument](cacheSize))
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		claims := new(Claims)
		if _, err := parser.ParseWithClaims(bearer, claims, func(*jwt.Token) (any, error) { return key, nil }); err != nil {
			http.Error(w, "no valid token", http.StatusUnauthorized)
			return
		}
		server.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), sessionKey{}, claims.SessionID)))
	}), nil
}

// Claims are the claims of the tokens that the server accepts. They are signed with HS256.
type Claims struct {
	jwt.RegisteredClaims
	SessionID string `json:"sid"`
}

type sessionKey struct{}

var now = time.Now

type resolver struct{ viewer *sqlx.Stmt }

// Query implements ResolverRoot.
func (r *resolver) Query() QueryResolver { return r }

// Me implements QueryResolver.
func (r *resolver) Me(ctx context.Context) (*User, error) {
	var v struct {
		ID         string     `db:"id"`
		Username   string     `db:"username"`
		Email      string     `db:"email"`
		Roles      string     `db:"roles"`
		CreatedAt  Timestamp  `db:"created_at"`
		EndedAt    *Timestamp `db:"ended_at"`
		ExpiresAt  Timestamp  `db:"expires_at"`
		LastUsedAt Timestamp  `db:"last_used_at"`
		DisabledAt *Timestamp `db:"disabled_at"`
	}
	if err := r.viewer.GetContext(ctx, &v, ctx.Value(sessionKey{})); err != nil {
		return nil, err
	}
	if v.EndedAt != nil || v.DisabledAt != nil || !now().Before(v.ExpiresAt.Time) {
		return nil, errors.New("the session has ended")
	}
	return &User{ID: v.ID, Username: &v.Username, Email: &v.Email, Roles: strings.Fields(v.Roles), CreatedAt: v.CreatedAt.Time}, nil
}

// Timestamp reads a time. SQLite stores times as text.
type Timestamp struct{ time.Time }

// Scan implements sql.Scanner.
func (t *Timestamp) Scan(src any) (err error) {
	switch src := src.(type) {
	case time.Time:
		t.Time = src.UTC()
	case string:
		t.Time, err = time.Parse("2006-01-02 15:04:05.999999999-07:00", src)
		t.Time = t.UTC()
	default:
		err = fmt.Errorf("cannot read a time from %T", src)
	}
	return err
}
