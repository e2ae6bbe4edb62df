package graph_test

import (
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/authtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestUnverifiedUsers lists what users without a verified e-mail address may use on a server that requires one. Everything
// else with a rule requires it.
func TestUnverifiedUsers(t *testing.T) {
	t.Parallel()
	required, err := graph.AccessSchema(true)
	check(t, err)
	var got []string
	for _, e := range required.Access() {
		if !e.Public && !e.Verified {
			got = append(got, e.Coordinate)
		}
	}
	want := []string{
		"Query.me",
		"Mutation.logout", "Mutation.revokeSession", "Mutation.revokeOtherSessions", "Mutation.reauthenticate", "Mutation.changePassword",
		"Mutation.beginTotpSetup", "Mutation.confirmTotpSetup", "Mutation.removeTotp", "Mutation.beginPasskeySetup", "Mutation.confirmPasskeySetup", "Mutation.renamePasskey",
		"Mutation.removePasskey", "Mutation.regenerateRecoveryCodes", "User.factors", "User.secondFactorDueAt",
		"Mutation.linkIdentity", "Mutation.unlinkIdentity", "User.identities",
		"Mutation.requestEmailVerification", "Mutation.requestEmailChange", "Mutation.deleteMe", "Mutation.cancelDeletion",
		// What clients read of the user at a sign-in.
		"Session.authTime",
		"User.email", "User.emailVerifiedAt", "User.pendingEmail", "User.locale", "User.fullName", "User.roles", "User.deletionAt",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("allowed to users without a verified address (-want +got):\n%s", diff)
	}
	free, err := graph.AccessSchema(false)
	check(t, err)
	for _, e := range free.Access() {
		if e.Verified {
			t.Errorf("%s requires a verified address, although the server does not", e.Coordinate)
		}
	}
}

// TestVerifiedUser signs in to a server that requires verified addresses: first without one, then with one. A guard that
// checks the session sees the change at once.
func TestVerifiedUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		settings := settings
		settings.RequireVerifiedEmail = true
		server := newServerWith(t, s, graph.New, settings, false)
		const login = `{"query": "mutation { login(input: {identifier: \"ada\", password: \"` + goodPassword + `\"}) {` +
			` accessToken session { id authTime } user { id username email emailVerifiedAt pendingEmail locale deletionAt fullName roles } } }"}`
		_, answer := server.post(t, "", login)
		if answer["errors"] != nil {
			t.Fatalf("a user without a verified address cannot sign in as clients do: %v", answer["errors"])
		}
		const update = `{"query": "mutation { updateMe(input: {fullName: \"Ada\"}) { user { fullName } } }"}`
		status, answer := server.post(t, "ada", update)
		if code, _ := verdict(answer); status != http.StatusOK || code != "EMAIL_NOT_VERIFIED" || answer["data"] != nil {
			t.Errorf("status %d: %v", status, answer)
		}
		now := server.ada.User.CreatedAt
		check(t, s.SetEmail(t.Context(), server.ada.User.ID, auth.Email{
			Address: server.ada.User.Email, Key: server.ada.User.Email, VerifiedAt: &now, Pending: new("lovelace@example.com"),
		}, now))
		if _, answer = server.post(t, "ada", update); answer["errors"] != nil {
			t.Errorf("after the verification: %v", answer)
		}
		_, answer = server.post(t, "ada", `{"query": "{ me { email emailVerifiedAt pendingEmail locale deletionAt } }"}`)
		want := map[string]any{"me": map[string]any{
			"email": "ada@example.com", "emailVerifiedAt": "2026-01-31T12:00:00.123456Z", "pendingEmail": "lovelace@example.com",
			"locale": nil, "deletionAt": nil,
		}}
		if diff := gocmp.Diff(want, answer["data"]); diff != "" {
			t.Errorf("me (-want +got):\n%s", diff)
		}
	})
}

// TestVerifiedArgument checks that @auth(verified: true) requires a verified address on a server that does not require one
// otherwise, that verified: false does not on a server that does, and what TOKEN guards make tokens say.
func TestVerifiedArgument(t *testing.T) {
	t.Parallel()
	load := func(sdl string, required bool) *directive.Schema {
		schema, err := directive.New(gqlparser.MustLoadSchema(&ast.Source{Input: `
			directive @auth(requires: [Role!]! = [USER], permissions: [String!]! = [], orOwner: Boolean! = false,
				check: AuthCheck! = SESSION, maxAge: Int, verified: Boolean) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
			directive @public on FIELD_DEFINITION
			scalar Role
			enum AuthCheck { SESSION TOKEN }
			` + sdl}), nil, required)
		check(t, err)
		return schema
	}
	service, bearer := oneUser(t) // without a verified address
	ctx := access.WithCaller(t.Context(), service.Identify(bearer))
	for _, required := range []bool{false, true} {
		schema := load(`type Query { plain: Int @auth yes: Int @auth(verified: true) no: Int @auth(verified: false) null: Int @auth(verified: null)
			token: Int @auth(verified: true, check: TOKEN) admin: Int @auth(requires: ROOT, verified: true, maxAge: 1) }`, required)
		byDefault := ""
		if required {
			byDefault = "EMAIL_NOT_VERIFIED"
		}
		for field, want := range map[string]string{
			"plain": byDefault, "null": byDefault, "yes": "EMAIL_NOT_VERIFIED", "no": "", "token": "EMAIL_NOT_VERIFIED", "admin": "FORBIDDEN",
		} {
			rule := schema.FieldRule(schema.Query.Fields.ForName(field))
			if got := authtest.Code(service.Authorize(ctx, rule, nil)); got != want {
				t.Errorf("%s, required %t: %q, want %q", field, required, got, want)
			}
		}
	}
	for sdl, want := range map[string][2]bool{
		`type Query { a: Int @auth }`:                                {false, false},
		`type Query { a: Int @auth(verified: true) }`:                {false, false},
		`type Query { a: Int @auth(check: TOKEN) }`:                  {false, true},
		`type Query { a: Int @auth(check: TOKEN, verified: true) }`:  {true, true},
		`type Query { a: Int @auth(check: TOKEN, verified: false) }`: {false, false},
		`type Query { a(x: Int @auth(check: TOKEN)): Int @public }`:  {false, true},
	} {
		if got := [2]bool{load(sdl, false).NeedsVerifiedClaim(), load(sdl, true).NeedsVerifiedClaim()}; got != want {
			t.Errorf("%s needs the claim: %v, want %v", sdl, got, want)
		}
	}
}
