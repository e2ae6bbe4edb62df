package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
	"usher/internal/provider"
	"usher/internal/request"
	"usher/internal/seal"
)

const (
	// requestLifetime is how long a user has to sign in at a provider, and identityLifetime how long the client has to use
	// the result. A user may have to sign in here first, to link the identity.
	requestLifetime  = 15 * time.Minute
	identityLifetime = 10 * time.Minute
	// identityTries limits how often the result of a sign-in at a provider can be presented.
	identityTries = 10
)

// The errors of sign-ins at providers.
var (
	unknownProvider = auth.BadInput(auth.FieldError{
		Field: "provider", Code: auth.InputNotFound, Message: "This server has no such provider.",
	})
	wrongRedirect = auth.BadInput(auth.FieldError{
		Field: "redirectTo", Code: auth.InputInvalidFormat,
		Message: "A sign-in cannot return to this URL. The operator of the server allows URLs with USHER_PROVIDER_REDIRECTS.",
	})
	wrongCodeChallenge = auth.BadInput(auth.FieldError{
		Field: "codeChallenge", Code: auth.InputInvalidFormat,
		Message: "A code challenge is the SHA-256 digest of a code verifier, in base64url without padding.",
	})
	wrongIdentityCode = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputExpired, Message: "This sign-in has expired or was completed. Start again.",
	})
	otherBrowser = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputIncorrect, Message: "This sign-in began in another browser or program. Start again.",
	})
	wrongIDToken = auth.BadInput(auth.FieldError{
		Field: "idToken", Code: auth.InputIncorrect, Message: "This ID token is not valid here. Sign in at the provider again.",
	})
)

// providerRetry is how long a client should wait while a provider does not answer.
const providerRetry = 5 * time.Second

// IdentityStore is what Identities reads outside of transactions.
type IdentityStore interface {
	FactorByKey(ctx context.Context, kind auth.CredentialKind, key string) (*auth.User, *auth.Factor, error)
}

// Identities checks sign-ins at providers. It is safe for concurrent use.
type Identities struct {
	store     IdentityStore
	factors   *Factors
	providers *provider.Set
	redirects provider.Redirects
	// states authenticates the states, so that an answer with another one costs no statement.
	states seal.Key
	box    seal.Box
	tx     *transaction.Runner
}

// NewIdentities returns an Identities. It derives the keys of requests to providers.
func NewIdentities(store IdentityStore, factors *Factors, secrets *seal.Secrets, providers *provider.Set, redirects provider.Redirects) (*Identities, error) {
	box, err := seal.NewBox(secrets, "usher provider request")
	if err != nil {
		return nil, err
	}
	states, err := seal.NewKey(secrets, "usher provider state")
	if err != nil {
		return nil, err
	}
	return &Identities{
		store: store, factors: factors, providers: providers, redirects: redirects, states: states, box: box, tx: factors.tx,
	}, nil
}

// binding says who may continue a sign-in at a provider: the browser or the program that began it. Otherwise somebody could
// make others continue theirs, and so sign in to an account of theirs (RFC 9700 §4.7). Exactly one field is set.
type binding struct {
	// Browser is the digest of what the browser has in its cookie.
	Browser []byte `json:"browser,omitempty"`
	// Challenge is the digest of what the program knows (RFC 7636 §4.2).
	Challenge []byte `json:"challenge,omitempty"`
}

// codeVerifier is a code verifier (RFC 7636 §4.1). Without this rule, somebody could choose the challenge of the empty one, which
// every client has.
var codeVerifier = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)

// Continuer is what the client that continues a sign-in presents.
type Continuer struct {
	// Browser is the value of its cookie, and Verifier the code verifier; empty without it.
	Browser, Verifier string
}

// admits reports whether a client may continue.
func (b binding) admits(c Continuer) bool {
	if b.Challenge != nil {
		return codeVerifier.MatchString(c.Verifier) && slices.Equal(b.Challenge, digest(c.Verifier))
	}
	return b.Browser != nil && slices.Equal(b.Browser, digest(c.Browser))
}

// providerRequest is what is kept of a request to a provider.
type providerRequest struct {
	binding
	Provider string `json:"provider"`
	// Issuer is that of the provider. The provider of this name can be another one when the browser comes back.
	Issuer     string `json:"issuer"`
	RedirectTo string `json:"redirectTo"`
	// Secrets are the encrypted requestSecrets.
	Secrets []byte `json:"secrets"`
}

type requestSecrets struct {
	Nonce    string `json:"nonce"`
	Verifier string `json:"verifier"`
}

// ProviderLogin describes a sign-in at a provider.
type ProviderLogin struct {
	Provider, RedirectTo string
	// Challenge is the code challenge of a program, with the method S256; nil to bind the sign-in to a browser.
	Challenge *string
	// Browser is what the browser has kept of another sign-in, in another tab; empty for nothing.
	Browser string
}

// Begin sends a browser to a provider. Nothing is kept if the provider does not answer.
func (i *Identities) Begin(ctx context.Context, in ProviderLogin) (*auth.ProviderRedirect, error) {
	p, ok := i.providers.Provider(in.Provider)
	if !ok {
		return nil, unknownProvider
	}
	if !i.redirects.Allow(in.RedirectTo) {
		return nil, wrongRedirect
	}
	bound, browser, err := i.bind(in)
	if err != nil {
		return nil, err
	}
	var random [3]string
	for n := range random {
		if random[n], err = NewToken(i.tx.Rand()); err != nil {
			return nil, err
		}
	}
	secrets := requestSecrets{Nonce: random[0], Verifier: random[1]}
	state := i.states.Sign(stateScope, []byte(random[2]))
	address, err := p.AuthorizationURL(ctx, provider.Request{State: state, Nonce: secrets.Nonce, Verifier: secrets.Verifier})
	if err != nil {
		return nil, i.notAvailable(ctx, err)
	}
	plain, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	kept := providerRequest{bound, p.ID(), p.Issuer(), in.RedirectTo, i.box.Encrypt(plain, digest(state))}
	if err := i.keep(ctx, auth.CeremonyProviderRequest, state, kept, requestLifetime); err != nil {
		return nil, err
	}
	return &auth.ProviderRedirect{URL: address, ExpiresIn: requestLifetime, Browser: browser, CrossSite: p.PostsForm()}, nil
}

// bind returns who may continue a sign-in, and what the browser has to keep for that; empty for a program.
func (i *Identities) bind(in ProviderLogin) (bound binding, browser string, err error) {
	if in.Challenge != nil {
		bound.Challenge, err = base64.RawURLEncoding.Strict().DecodeString(*in.Challenge)
		if err != nil || len(bound.Challenge) != sha256.Size {
			return bound, "", wrongCodeChallenge
		}
		return bound, "", nil
	}
	browser = in.Browser
	if !isToken(browser) {
		if browser, err = NewToken(i.tx.Rand()); err != nil {
			return bound, "", err
		}
	}
	bound.Browser = digest(browser)
	return bound, browser, nil
}

// stateScope is the scope of the key of states.
const stateScope = "state"

// notAvailable logs that a provider could not be asked, and returns the error for clients.
func (i *Identities) notAvailable(ctx context.Context, err error) error {
	i.factors.checker.log.WarnContext(ctx, "provider not available", "id", request.From(ctx).ID, "err", err)
	return &auth.Error{Code: auth.CodeServiceUnavailable, RetryAfter: providerRetry, Err: err}
}

// isToken reports whether a text can be one of NewToken.
func isToken(text string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	return err == nil && len(raw) == tokenBytes
}

// keep stores a ceremony of nobody in a transaction of its own.
func (i *Identities) keep(ctx context.Context, purpose auth.CeremonyPurpose, token string, kept any, lifetime time.Duration) error {
	details, err := jsonobject.Encode(kept) // which escapes less than json.Marshal: the column has a limit
	if err != nil {
		return err
	}
	err = i.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, &auth.Ceremony{
			ID: id, Purpose: purpose, TokenDigest: digest(token), Details: string(details),
			CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(lifetime),
		})
	})
	if err != nil {
		return fmt.Errorf("keep sign-in at a provider: %w", err)
	}
	return nil
}

// ProviderAnswer is what a browser brings back from a provider.
type ProviderAnswer struct {
	// Provider is that of the address to which the browser has come.
	Provider, State string
	// Error is the parameter error (RFC 6749 §4.1.2.1); empty if the provider has signed the user in.
	Error    string
	Response provider.Response
	// Browser is the value of its cookie.
	Browser string
}

// Outcome is how a sign-in at a provider has ended.
type Outcome struct {
	// RedirectTo is where the browser goes.
	RedirectTo string
	// Code proves the identity to the other operations; empty if the sign-in has failed.
	Code string
	// Err is why it has failed: one of the errors of package provider, or ErrDenied.
	Err error
}

// The errors of answers of providers.
var (
	// ErrNoRequest says that no sign-in of this browser waits for the answer. It may have expired or been answered.
	ErrNoRequest = errors.New("no sign-in waits for this answer")
	// ErrDenied says that the user or the provider has refused the sign-in.
	ErrDenied = errors.New("the sign-in was refused at the provider")
)

// errorCode is a code of an error that the log may have. It comes with the browser.
var errorCode = regexp.MustCompile(`^[a-z_]{1,40}$`)

// refusal returns the error of a code of an error response (RFC 6749 §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6).
func refusal(code string) error {
	switch code {
	case "access_denied", "user_cancelled_authorize", // of Apple
		"login_required", "consent_required", "interaction_required", "account_selection_required":
		return ErrDenied
	case "temporarily_unavailable", "server_error":
		return provider.ErrUnavailable
	}
	if !errorCode.MatchString(code) {
		code = "an unknown one"
	}
	return fmt.Errorf("%w: it refused the request with the error %s", provider.ErrRefused, code) // which the operator has to correct
}

// Receive takes the answer of a provider, checks it and keeps the identity for the client. The request is used up, whatever
// the outcome. The error is ErrNoRequest for an answer that this browser has not asked for.
func (i *Identities) Receive(ctx context.Context, a ProviderAnswer) (*Outcome, error) {
	if _, ok := i.states.Open(stateScope, a.State); !ok {
		return nil, ErrNoRequest
	}
	try := Try{auth.CeremonyProviderRequest, digest(a.State), identityTries, auth.ErrNotFound}
	c, err := i.factors.CountTry(ctx, transaction.Nobody, try)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, ErrNoRequest
	}
	if err != nil {
		return nil, err
	}
	var kept providerRequest
	if err := json.Unmarshal([]byte(c.Details), &kept); err != nil {
		return nil, fmt.Errorf("read request to a provider: %w", err)
	}
	// A program on the user's machine proves itself when it asks for the identity. The browser that it has opened has nothing.
	if kept.Browser != nil && !kept.admits(Continuer{Browser: a.Browser}) {
		return nil, ErrNoRequest
	}
	p, ok := i.providers.Provider(kept.Provider)
	if !ok || p.Issuer() != kept.Issuer || a.Provider != kept.Provider { // RFC 9700 §4.4: the answer of another provider
		return nil, ErrNoRequest
	}
	err = i.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error { return try.Take(ctx, tx, c) })
	if errors.Is(err, auth.ErrNotFound) {
		return nil, ErrNoRequest
	}
	if err != nil {
		return nil, err
	}
	outcome := &Outcome{RedirectTo: kept.RedirectTo}
	if a.Error != "" {
		outcome.Err = refusal(a.Error)
		return outcome, nil
	}
	plain, err := i.box.Decrypt(kept.Secrets, digest(a.State))
	if err != nil {
		return nil, fmt.Errorf("read request to a provider: %w", err)
	}
	var secrets requestSecrets
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, fmt.Errorf("read request to a provider: %w", err)
	}
	var found *provider.Identity
	found, outcome.Err = p.Exchange(ctx, provider.Request{State: a.State, Nonce: secrets.Nonce, Verifier: secrets.Verifier}, a.Response)
	if found == nil {
		return outcome, nil
	}
	if outcome.Code, err = NewToken(i.tx.Rand()); err != nil {
		return nil, err
	}
	return outcome, i.keep(ctx, auth.CeremonyProviderIdentity, outcome.Code, keptIdentity{kept.binding, p.ID(), *found}, identityLifetime)
}
