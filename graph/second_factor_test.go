package graph_test

import (
	"net/http"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestFieldsUntilFactor lists what users may use who must set up a second factor before anything else.
func TestFieldsUntilFactor(t *testing.T) {
	t.Parallel()
	schema, err := graph.AccessSchema(false)
	check(t, err)
	var got []string
	for _, e := range schema.Access() {
		if !e.Public && e.Assurance != "" && e.Assurance != auth.RequireAAL2 {
			got = append(got, e.Coordinate)
		}
	}
	want := []string{
		"Query.me",
		"Mutation.beginTotpSetup", "Mutation.confirmTotpSetup", "Mutation.removeTotp", "Mutation.beginPasskeySetup", "Mutation.confirmPasskeySetup",
		"Mutation.renamePasskey", "Mutation.removePasskey", "Mutation.regenerateRecoveryCodes", "User.factors", "User.secondFactorDueAt",
		"Mutation.linkIdentity", "Mutation.unlinkIdentity", "User.identities",
		"Mutation.logout", "Mutation.revokeSession", "Mutation.revokeOtherSessions", "Mutation.reauthenticate",
		// What others could not do in their place: these look for the highest assurance of the user.
		"Mutation.changePassword", "Mutation.requestEmailChange", "Mutation.deleteMe", "Mutation.requestDataExport", "Mutation.resetFactors",
		"Mutation.requestEmailVerification", "Mutation.cancelDeletion",
		// What clients read of the user at a sign-in.
		"Session.authTime",
		"User.email", "User.emailVerifiedAt", "User.pendingEmail", "User.locale", "User.fullName", "User.roles", "User.deletionAt",
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("allowed without a required factor (-want +got):\n%s", diff)
	}
}

// TestRequiredFactor signs in to a server that requires a second factor at once.
func TestRequiredFactor(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		settings := settings
		settings.RequireSecondFactor, settings.SecondFactorGrace = "all", 0
		server := newServerWith(t, s, graph.New, settings, false)
		const login = `{"query": "mutation { login(input: {identifier: \"ada\", password: \"` + goodPassword + `\"}) {` +
			` accessToken session { id authTime } user { id email roles secondFactorDueAt factors { method } } } }"}`
		_, answer := server.post(t, "", login)
		if answer["errors"] != nil {
			t.Fatalf("a user without a second factor cannot sign in as clients do: %v", answer["errors"])
		}
		user := answer["data"].(map[string]any)["login"].(map[string]any)["user"].(map[string]any)
		if user["secondFactorDueAt"] == nil {
			t.Errorf("user %v", user)
		}
		for query, want := range map[string]string{
			`{"query": "mutation { updateMe(input: {fullName: \"Ada\"}) { user { fullName } } }"}`: "SECOND_FACTOR_SETUP_REQUIRED",
			`{"query": "{ me { email secondFactorDueAt } }"}`:                                      "0 errors",
			`{"query": "{ me { metadata } }"}`:                                                     "SECOND_FACTOR_SETUP_REQUIRED",
			`{"query": "mutation { beginTotpSetup { key } }"}`:                                     "0 errors",
		} {
			status, answer := server.post(t, "ada", query)
			if code, _ := verdict(answer); status != http.StatusOK || code != want {
				t.Errorf("%s: status %d, %v, want %q", query, status, answer, want)
			}
		}
	})
}
