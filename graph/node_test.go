package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/recovery"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestNode asks for objects of every type as everybody. For an object that a caller may not have, the answer is that for
// an id that nothing has. TestSteps of internal/app compares the statements.
func TestNode(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		session := func(as string) string {
			claims := access.WithCaller(t.Context(), server.domain.Access.Identify(server.people[as]))
			return access.CallerFrom(claims).Claims().SessionID
		}
		events, err := s.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1}})
		check(t, err)
		client, _, err := server.domain.Operator.CreateClient(t.Context(), "Books", nil)
		check(t, err)
		_, err = server.domain.Recovery.RequestSignup(t.Context(), recovery.RequestSignupInput{Email: "new@example.com"})
		check(t, err)
		mails, err := s.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1}})
		check(t, err)
		ids := map[string]string{
			"ada":                server.ada.User.ID.String(),
			"root":               server.root.ID.String(),
			"ada's session":      session("ada"),
			"ada's other":        server.ada.Session.ID.String(),
			"ada's last, ended":  session("ended"),
			"root's session":     session("root"),
			"a disabled session": session("eve"),
			"a client":           client.ID.String(),
			"an event":           events[0].ID.String(),
			"a mail":             mails[0].ID.String(),
			"the zero id":        uuid.Nil.String(),
			"no id":              "User:1",
			"unknown":            unknownID,
		}
		adas := map[string]string{"ada": "User", "ada's session": "Session", "ada's other": "Session"}
		all := map[string]string{
			"ada": "User", "root": "User", "ada's session": "Session", "ada's other": "Session", "root's session": "Session",
			"a client": "OAuthClient", "an event": "AuditEvent", "a mail": "MailMessage",
		}
		for _, tt := range []struct {
			as   string
			want map[string]string
		}{{"ada", adas}, {"root", all}, {"stale", all}, {"demoted", nil}} {
			for name, id := range ids {
				got := server.node(t, tt.as, id)
				want := `{"data":{"node":null}}`
				if typeName := tt.want[name]; typeName != "" {
					want = fmt.Sprintf(`{"data":{"node":{"__typename":%q,"id":%q}}}`, typeName, id)
				}
				if got != want {
					t.Errorf("%q asks for %s: %s, want %s", tt.as, name, got, want)
				}
			}
		}
		// Nobody else gets as far as that.
		for as, want := range map[string]string{
			"": "UNAUTHENTICATED", "garbage": "UNAUTHENTICATED", "ended": "UNAUTHENTICATED", "eve": "UNAUTHENTICATED", "nobody": "FORBIDDEN",
		} {
			for name, id := range ids {
				if got := server.node(t, as, id); !strings.Contains(got, `"code":"`+want+`"`) || !strings.Contains(got, `"data":{"node":null}`) {
					t.Errorf("%q asks for %s: %s, want %s", as, name, got, want)
				}
			}
		}
	})
}

const unknownID = "01940000-0000-7000-8000-000000000042"

// node asks for an object by id, and returns the answer.
func (s *server) node(t *testing.T, as, id string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"query": `query ($id: ID!) { node(id: $id) { __typename id } }`, "variables": map[string]string{"id": id},
	})
	check(t, err)
	_, answer := s.post(t, as, string(body))
	raw, err := json.Marshal(answer)
	check(t, err)
	return string(raw)
}

// TestNodeTypes reads a field of each type through the interface.
func TestNodeTypes(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServer(t, s, graph.New)
		events, err := s.Events(t.Context(), auth.AuditEventQuery{UserID: &server.ada.User.ID, Page: auth.Page[uuid.UUID]{Last: true, Limit: 1}})
		check(t, err)
		query := fmt.Sprintf(`{
			user: node(id: %q) { ...Of } session: node(id: %q) { ...Of } event: node(id: %q) { ...Of }
		} fragment Of on Node {
			... on User { username email } ... on Session { current expiresAt } ... on AuditEvent { kind user { username } }
		}`, server.ada.User.ID, server.ada.Session.ID, events[0].ID)
		body, err := json.Marshal(map[string]string{"query": query})
		check(t, err)
		_, answer := server.post(t, "root", string(body))
		want := map[string]any{"data": map[string]any{
			"user":    map[string]any{"username": "Ada", "email": "ada@example.com"},
			"session": map[string]any{"current": false, "expiresAt": "2026-03-02T12:00:00.123456Z"},
			"event":   map[string]any{"kind": "SIGNUP", "user": map[string]any{"username": "Ada"}},
		}}
		if diff := cmp.Diff(want, answer); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
