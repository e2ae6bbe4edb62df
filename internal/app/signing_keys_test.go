package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/sessions"
	"usher/internal/keyring"
	"usher/internal/seal/sealtest"
)

// TestDeploymentQueries lists the signing keys and the OAuth clients for an administrator. The answers have no secrets.
func TestDeploymentQueries(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		a := newApp(t, s, io.Discard)
		ctx := t.Context()
		var secret string
		log := slog.New(slog.DiscardHandler)
		retired := ""
		err := app.Operate(ctx, s.Database, s.Passwords, log, func(o *app.Operator) error {
			var err error
			if _, err = o.CreateUser(ctx, accounts.Input{Username: new("root"), Password: "four small green turtles"}, auth.Roles); err != nil {
				return err
			}
			if _, secret, err = o.CreateClient(ctx, "Books", new("https://books.example.com")); err != nil {
				return err
			}
			keys := o.Keyring(s.Keys, sealtest.Secrets(string(s.SecretKey.Reveal())))
			for range 2 {
				key, err := keyring.Rotate(ctx, keys, time.Hour)
				if err != nil {
					return err
				}
				retired = key.KeyID
			}
			return keyring.Retire(ctx, keys, retired, false)
		})
		if err != nil {
			t.Fatal(err)
		}
		root, err := a.Domain.Sessions.Login(ctx, sessions.LoginInput{Identifier: "root", Password: "four small green turtles"})
		if err != nil {
			t.Fatal(err)
		}
		body := query(ctx, a, root.AccessToken, `{"query": "{ `+
			`signingKeys { kid algorithm state createdAt signsFrom verifiesUntil retiredAt } `+
			`oauthClients { edges { node { id name resource createdAt } } } }"}`)
		var answer struct {
			Data struct {
				SigningKeys []struct {
					Kid, Algorithm, State, CreatedAt, SignsFrom string
					VerifiesUntil, RetiredAt                    *string
				}
				OauthClients struct {
					Edges []struct {
						Node struct{ ID, Name, Resource, CreatedAt string }
					}
				}
			}
		}
		if err := json.Unmarshal([]byte(body), &answer); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, k := range answer.Data.SigningKeys {
			got = append(got, fmt.Sprint(k.Algorithm, " ", k.State, " ", k.VerifiesUntil != nil, k.RetiredAt != nil))
			if k.CreatedAt == "" || k.SignsFrom == "" || (k.Kid == retired) != (k.State == "RETIRED") {
				t.Errorf("key %+v", k)
			}
		}
		want := []string{"ES256 RETIRED false true", "ES256 PUBLISHED false false", "ES256 SIGNING true false"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("keys (-want +got):\n%s\n%s", diff, body)
		}
		if edges := answer.Data.OauthClients.Edges; len(edges) != 1 || edges[0].Node.Name != "Books" ||
			edges[0].Node.Resource != "https://books.example.com" {
			t.Errorf("clients %s", body)
		}
		if strings.Contains(body, secret) {
			t.Error("the answer has the client's secret")
		}
	})
}

// query sends a GraphQL request and returns the body of the answer.
func query(ctx context.Context, a *app.App, bearer, body string) string {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+bearer)
	recorder := httptest.NewRecorder()
	a.ServeHTTP(recorder, r)
	return recorder.Body.String()
}
