package signin

import (
	"context"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/identities"
	"usher/internal/cookie"
)

// browserLifetime is how long a browser keeps the cookie for sign-ins at providers. It lasts longer than they do.
const browserLifetime = time.Hour

// BeginProviderLoginInput is the input of BeginProviderLogin.
type BeginProviderLoginInput struct {
	Provider, RedirectTo string
	// CodeChallenge binds the sign-in to a program instead of a browser.
	CodeChallenge *string
	// Session is where the refresh token will go.
	Session SessionTransport
}

// BeginProviderLogin sends a browser to a provider. Without a code challenge, it leaves a cookie.
func (s *Service) BeginProviderLogin(ctx context.Context, in BeginProviderLoginInput) (*auth.ProviderRedirect, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	if in.CodeChallenge == nil && jar.Set == nil {
		return nil, auth.BadInput(auth.FieldError{
			Field: "codeChallenge", Code: auth.InputRequired,
			Message: "A page of this origin cannot have the cookie. Give a code challenge.",
		})
	}
	redirect, err := s.identities.BeginProviderLogin(ctx, identities.ProviderLogin{
		Provider: in.Provider, RedirectTo: in.RedirectTo, Challenge: in.CodeChallenge, Browser: jar.ProviderToken(),
	})
	if err != nil {
		return nil, err
	}
	if redirect.Browser != "" {
		kind := cookie.Provider
		if redirect.CrossSite {
			kind = cookie.CrossSite
		}
		jar.Keep(kind, redirect.Browser, browserLifetime)
	}
	return redirect, nil
}

// continuer is what a client presents to continue a sign-in at a provider.
func continuer(jar *cookie.Jar, verifier *string) identities.Continuer {
	by := identities.Continuer{Browser: jar.ProviderToken()}
	if verifier != nil {
		by.Verifier = *verifier
	}
	return by
}

// CompleteProviderLoginInput is the input of CompleteProviderLogin.
type CompleteProviderLoginInput struct {
	Code         string
	CodeVerifier *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// CompleteProviderLogin signs a user in with an identity. Like Login, it leaves a cookie if it needs a second factor.
func (s *Service) CompleteProviderLogin(ctx context.Context, in CompleteProviderLoginInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.identities.CompleteProviderLogin(ctx, identities.CompleteProviderLoginInput{
		Code: in.Code, By: continuer(jar, in.CodeVerifier), SignIn: in.Session.signIn(jar),
	})
	keepLogin(jar, err)
	return in.Session.deliver(jar, tokens, err)
}

// LoginWithIDTokenInput is the input of LoginWithIDToken.
type LoginWithIDTokenInput struct {
	Provider, IDToken, Nonce string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// LoginWithIDToken signs a user in with an ID token of a provider. Like Login, it leaves a cookie if it needs a second factor.
func (s *Service) LoginWithIDToken(ctx context.Context, in LoginWithIDTokenInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.identities.LoginWithIDToken(ctx, identities.LoginWithIDTokenInput{
		Provider: in.Provider, IDToken: in.IDToken, Nonce: in.Nonce, SignIn: in.Session.signIn(jar),
	})
	keepLogin(jar, err)
	return in.Session.deliver(jar, tokens, err)
}

func (t SessionTransport) signIn(jar *cookie.Jar) identities.SignIn {
	return identities.SignIn{BindBrowser: t == TransportCookie, Replaces: t.replaces(jar)}
}

// LinkIdentityInput is the input of LinkIdentity.
type LinkIdentityInput struct {
	Code         string
	CodeVerifier *string
}

// LinkIdentity links an identity to the signed-in user.
func (s *Service) LinkIdentity(ctx context.Context, in LinkIdentityInput) (*identities.LinkIdentityPayload, error) {
	return s.identities.LinkIdentity(ctx, identities.LinkIdentityInput{Code: in.Code, By: continuer(cookie.From(ctx), in.CodeVerifier)})
}
