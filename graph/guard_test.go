package graph_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph"
	"usher/graph/connection"
	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestMutationNotByHalf checks that a mutation with one refused field changes nothing, though
// the fields before it would be fine.
func TestMutationNotByHalf(t *testing.T) {
	t.Parallel()
	const rename = `a: updateMe(input: {fullName: "changed"}) { user { fullName } }`
	tests := map[string]struct {
		as, with, want string
	}{
		"alone":           {"ada", "", "changed"},
		"forbidden":       {"ada", `b: disableUser(input: {userId: "x"}) { user { id } }`, "before"},
		"in a fragment":   {"ada", `... { ... on Mutation { b: disableUser(input: {userId: "x"}) { user { id } } } }`, "before"},
		"step-up":         {"stale", `b: deleteUser(input: {userId: "x"}) { userId }`, "before"},
		"input field":     {"stale", `b: updateUser(input: {userId: "x", roles: [ADMIN]}) { user { id } }`, "before"},
		"fails otherwise": {"root", `b: disableUser(input: {userId: "x"}) { user { id } }`, "changed"},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				server.post(t, tt.as, `{"query": "mutation { updateMe(input: {fullName: \"before\"}) { user { id } } }"}`)
				body, err := json.Marshal(map[string]any{"query": "mutation { " + rename + " " + tt.with + " }"})
				check(t, err)
				server.post(t, tt.as, string(body))
				_, answer := server.post(t, tt.as, `{"query": "{ me { fullName } }"}`)
				if got := fmt.Sprint(answer["data"].(map[string]any)["me"].(map[string]any)["fullName"]); got != tt.want {
					t.Errorf("%s is called %q then, want %q", tt.as, got, tt.want)
				}
			})
		}
	})
}

// TestOtherPeoplesObjects checks that a user sees only their own e-mail address in a list of users. Each other
// address is refused separately.
func TestOtherPeoplesObjects(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var users connection.UserConnection
		server := newServer(t, s, graph.NewWatched(func(ctx context.Context, next graphql.Resolver) (any, error) {
			if f := graphql.GetFieldContext(ctx); f.Object == "Query" && f.Field.Name == "users" {
				return &users, nil // as if it were open to everyone
			}
			return next(ctx)
		}, nil))
		stranger := &auth.User{ID: uuid.UUID{15: 1}, Username: new("stranger"), Email: new("stranger@example.com")}
		users.Edges = []connection.UserEdge{{Node: stranger}, {Node: server.ada.User}, {Node: stranger}}

		const query = `{"query": "{ users { edges { node { username ...More } } } } fragment More on User { mail: email }"}`
		for _, tt := range []struct {
			as    string
			mails []any
			code  string
			paths []any
		}{
			{as: "root", mails: []any{"stranger@example.com", "ada@example.com", "stranger@example.com"}},
			{as: "ada", mails: []any{nil, "ada@example.com", nil}, code: "FORBIDDEN", paths: []any{0.0, 2.0}},
			{as: "demoted", mails: []any{nil, nil, nil}, code: "FORBIDDEN", paths: []any{0.0, 1.0, 2.0}},
			{as: "", mails: []any{nil, nil, nil}, code: "UNAUTHENTICATED", paths: []any{0.0, 1.0, 2.0}},
		} {
			_, answer := server.post(t, tt.as, query)
			var mails, paths []any
			for _, edge := range answer["data"].(map[string]any)["users"].(map[string]any)["edges"].([]any) {
				mails = append(mails, edge.(map[string]any)["node"].(map[string]any)["mail"])
			}
			errs, _ := answer["errors"].([]any)
			for _, e := range errs {
				e := e.(map[string]any)
				paths = append(paths, e["path"].([]any)[2])
				if code := e["extensions"].(map[string]any)["code"]; code != tt.code {
					t.Errorf("as %q: code %v, want %s", tt.as, code, tt.code)
				}
			}
			if diff := gocmp.Diff(tt.mails, mails); diff != "" {
				t.Errorf("as %q (-want +got):\n%s", tt.as, diff)
			}
			slices.SortFunc(paths, func(a, b any) int { return cmp.Compare(a.(float64), b.(float64)) })
			if diff := gocmp.Diff(tt.paths, paths); diff != "" {
				t.Errorf("errors as %q (-want +got):\n%s", tt.as, diff)
			}
		}
	})
}
