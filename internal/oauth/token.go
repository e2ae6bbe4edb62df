package oauth

import (
	"context"
	"net/http"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/auth/throttle"
	"usher/internal/password"
)

// The grant types.
const (
	grantRefreshToken      = "refresh_token"
	grantClientCredentials = "client_credentials"
	grantPassword          = "password"
)

// tokenResponse is the response of RFC 6749 §5.1. ExpiresIn is in seconds.
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	// DeviceToken is an additional parameter (RFC 6749 §8.2), which clients that do not know it ignore (§5.1).
	DeviceToken string `json:"device_token,omitempty"`
}

// token is the token endpoint (RFC 6749 §3.2). Users sign in through first-party frontends, which do not
// authenticate as clients. Registered clients get tokens only for themselves.
func (s *server) token(r *http.Request, f form, client *auth.Client) (any, error) {
	grant := f["grant_type"]
	switch {
	case grant == "":
		return nil, invalidRequest("grant_type is missing.")
	case grant != grantRefreshToken && grant != grantClientCredentials && (grant != grantPassword || !s.passwordGrant):
		return nil, badRequest(codeUnsupportedGrantType, "The server does not support this grant type.")
	case grant == grantClientCredentials && client == nil:
		return nil, invalidClient("Authenticate as a registered client to use this grant type.")
	case grant != grantClientCredentials && client != nil:
		return nil, badRequest(codeUnauthorizedClient, "Registered clients may only use client_credentials.")
	case f["scope"] != "":
		return nil, badRequest(codeInvalidScope, "The server does not support scopes.")
	}
	switch grant {
	case grantClientCredentials:
		return s.clientCredentials(client, f)
	case grantRefreshToken:
		return s.refreshToken(r, f)
	default:
		return s.password(r, f)
	}
}

// resource returns the resource that the client requests (RFC 8707 §2.2). Nil means this server.
func resource(f form) *string {
	if r, ok := f[parameterResource]; ok {
		return &r
	}
	return nil
}

func (s *server) clientCredentials(client *auth.Client, f form) (any, error) {
	t, err := s.clients.Token(client, resource(f))
	if err != nil {
		return nil, err
	}
	return tokenResponse{AccessToken: t.AccessToken, TokenType: sessions.TokenType, ExpiresIn: seconds(t.ExpiresIn)}, nil
}

func (s *server) refreshToken(r *http.Request, f form) (any, error) {
	token, ok := f["refresh_token"]
	if !ok {
		return nil, invalidRequest("refresh_token is missing.")
	}
	return s.limited(r.Context(), throttle.Use{Field: "Mutation.refresh"}, func(ctx context.Context) (*sessions.Tokens, error) {
		return s.sessions.Refresh(ctx, sessions.RefreshInput{RefreshToken: token, Resource: resource(f)})
	})
}

func (s *server) password(r *http.Request, f form) (any, error) {
	if f["username"] == "" || f["password"] == "" {
		return nil, invalidRequest("username or password is missing.")
	}
	use := throttle.Use{
		Field: "Mutation.login", Account: f["username"], DeviceToken: f["device_token"], Solution: f["challenge_solution"],
	}
	return s.limited(r.Context(), use, func(ctx context.Context) (*sessions.Tokens, error) {
		return s.sessions.Login(ctx, sessions.LoginInput{
			Identifier: f["username"], Password: password.Plaintext(f["password"]), Resource: resource(f),
			DeviceToken: f["device_token"],
		})
	})
}

// limited signs in, under the rate limits of the mutation that does the same.
func (s *server) limited(ctx context.Context, use throttle.Use, signIn func(context.Context) (*sessions.Tokens, error)) (any, error) {
	admission, err := s.throttle.Admit(ctx, []throttle.Use{use})
	if err != nil {
		return nil, err
	}
	t, err := signIn(ctx)
	admission.Settle(ctx, 0, throttle.ResultOf(err))
	if err != nil {
		return nil, err
	}
	return tokenResponse{
		AccessToken: t.AccessToken, TokenType: sessions.TokenType, ExpiresIn: seconds(t.ExpiresIn), RefreshToken: t.RefreshToken,
		DeviceToken: t.DeviceToken,
	}, nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }
