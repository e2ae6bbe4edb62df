package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// maxCode bounds an authorization code in bytes. Entra's have some 1,500.
const maxCode = 4 << 10

// named adds the provider to an error.
func (p *Provider) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("provider %s: %w", p.ID(), err)
}

var errRequest = errors.New("a request needs a state, a nonce and a verifier")

// AuthorizationURL returns where to send the browser (RFC 6749 §4.1.1), with a challenge of PKCE (RFC 7636 §4.2). All three parts
// of the request must be random and belong to this browser.
func (p *Provider) AuthorizationURL(ctx context.Context, r Request) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	if r.State == "" || r.Nonce == "" || r.Verifier == "" {
		return "", p.named(errRequest)
	}
	config, err := p.config(ctx)
	if err != nil {
		return "", p.named(err)
	}
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(r.Verifier)}
	for name, value := range p.settings.Parameters {
		options = append(options, oauth2.SetAuthURLParam(name, value))
	}
	if p.isOIDC() {
		options = append(options, oidc.Nonce(r.Nonce))
	}
	if p.PostsForm() {
		options = append(options, oauth2.SetAuthURLParam("response_mode", "form_post"))
	}
	return config.AuthCodeURL(r.State, options...), nil
}

// config returns the client of the provider, without its secret.
func (p *Provider) config(ctx context.Context) (*oauth2.Config, error) {
	if !p.isOIDC() {
		return p.oauth, nil
	}
	m, _, err := p.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	return &oauth2.Config{ClientID: p.settings.ClientID, Endpoint: m.endpoint, RedirectURL: p.redirect, Scopes: p.settings.Scopes}, nil
}

// Exchange returns the account that the answer to a request proves. The caller has found the request by the state of the answer,
// and must use it once.
func (p *Provider) Exchange(ctx context.Context, r Request, answer Response) (*Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	identity, err := p.exchange(ctx, r, answer)
	if err != nil {
		return nil, p.named(err)
	}
	return identity, nil
}

func (p *Provider) exchange(ctx context.Context, r Request, answer Response) (*Identity, error) {
	if r.State == "" || r.Nonce == "" || r.Verifier == "" {
		return nil, errRequest
	}
	if answer.Code == "" || len(answer.Code) > maxCode || strings.IndexFunc(answer.Code, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		return nil, refused("the browser brings no valid code") // RFC 6749 appendix A.11
	}
	if err := p.checkIssuer(ctx, answer.Issuer); err != nil {
		return nil, err
	}
	name := ""
	if p.settings.Type == TypeApple {
		var err error
		if name, err = appleName(answer.User); err != nil {
			return nil, err
		}
	}
	token, err := p.redeem(ctx, r, answer.Code)
	if err != nil {
		return nil, err
	}
	switch p.settings.Type {
	case TypeGitHub:
		return p.gitHubAccount(ctx, token.AccessToken)
	case TypeOAuth2:
		return p.account(ctx, token.AccessToken)
	}
	identity, err := p.signIn(ctx, r, answer, token)
	if err != nil {
		return nil, err
	}
	if name != "" {
		identity.Name = name
	}
	return identity, nil
}

// checkIssuer compares the parameter iss with the issuer (RFC 9207 §2.4), before the code is sent anywhere. A browser could have
// been led from one provider to another.
func (p *Provider) checkIssuer(ctx context.Context, issuer *string) error {
	if issuer != nil && *issuer != p.Issuer() && !p.isTenantIssuer(*issuer) {
		return refused("the browser brings the answer of another issuer")
	}
	if issuer != nil || !p.isOIDC() {
		return nil
	}
	m, _, err := p.metadata.get(ctx)
	if err != nil {
		return err
	}
	if m.namesIssuer {
		return refused("the browser brings an answer without the issuer, which the provider always adds")
	}
	return nil
}

// redeem exchanges the code (RFC 6749 §4.1.3).
func (p *Provider) redeem(ctx context.Context, r Request, code string) (*oauth2.Token, error) {
	config, err := p.config(ctx)
	if err != nil {
		return nil, err
	}
	if p.secret != nil && p.isOIDC() { // the config is this call's own
		if config.ClientSecret, err = p.secret(); err != nil {
			return nil, unavailable("the client secret cannot be signed")
		}
	}
	token, err := config.Exchange(context.WithValue(ctx, oauth2.HTTPClient, p.client), code, oauth2.VerifierOption(r.Verifier))
	if err != nil {
		return nil, tokenError(err)
	}
	if !strings.EqualFold(token.Type(), "Bearer") {
		return nil, refused("the access token is no bearer token")
	}
	return token, nil
}

// signIn checks the ID token of an answer, and asks for the address if the token has none.
func (p *Provider) signIn(ctx context.Context, r Request, answer Response, token *oauth2.Token) (*Identity, error) {
	raw, _ := token.Extra("id_token").(string)
	if raw == "" {
		return nil, refused("the answer of the token endpoint has no ID token")
	}
	v, err := p.verify(ctx, raw, expectation{audiences: []string{p.settings.ClientID}, nonces: []string{r.Nonce}, access: token.AccessToken})
	if err != nil {
		return nil, err
	}
	if answer.Issuer != nil && *answer.Issuer != v.issuer {
		return nil, refused("the ID token is of another issuer than the answer of the browser")
	}
	profile, err := p.profile(ctx, v.claims, token.AccessToken)
	if err != nil {
		return nil, err
	}
	return p.identity(v, profile)
}

// profile returns the claims about the user. The userinfo endpoint is asked if the ID token does not have the address and
// whether it is verified, but not Entra's, which does not know that.
func (p *Provider) profile(ctx context.Context, claims members, access string) (members, error) {
	m, _, err := p.metadata.get(ctx)
	if err != nil {
		return nil, err
	}
	names := p.settings.Claims
	_, hasEmail := claims[names.Email]
	_, hasVerified := claims[names.EmailVerified]
	if hasEmail && hasVerified || m.userinfo == "" || p.settings.Type == TypeEntra || !slices.Contains(p.settings.Scopes, "email") {
		return claims, nil
	}
	answer, err := fetchObject(ctx, p.client, m.userinfo, http.Header{"Authorization": {"Bearer " + access}})
	if err != nil {
		return nil, err
	}
	// The answer could be about somebody else (OpenID Connect Core 1.0 §5.3.2).
	if answer.text("sub") != claims.text("sub") {
		return nil, refused("the userinfo endpoint answers about another subject")
	}
	// The address of one with the flag of the other would prove nothing.
	profile := maps.Clone(claims)
	if _, has := answer[names.Email]; has {
		delete(profile, names.EmailVerified)
	} else {
		delete(answer, names.EmailVerified)
	}
	maps.Copy(profile, answer)
	return profile, nil
}

// account asks the userinfo endpoint of plain OAuth 2.0 whose an access token is.
func (p *Provider) account(ctx context.Context, access string) (*Identity, error) {
	answer, err := fetchObject(ctx, p.client, p.settings.UserinfoEndpoint, http.Header{"Authorization": {"Bearer " + access}})
	if err != nil {
		return nil, err
	}
	i := p.read(answer)
	if i.Issuer, i.Subject = p.Issuer(), subject(answer[p.settings.Claims.Subject]); !isSubject(i.Subject) {
		return nil, refused("the userinfo endpoint answers without a valid subject")
	}
	return p.allowed(i, nil)
}
