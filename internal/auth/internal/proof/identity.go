package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
	"usher/internal/provider"
	"usher/internal/request"
)

// keptIdentity is what is kept of an identity until the client asks for it.
type keptIdentity struct {
	binding
	Provider string            `json:"provider"`
	Identity provider.Identity `json:"identity"`
}

// Proved is an identity that its provider has just confirmed.
type Proved struct {
	provider.Identity
	Provider *provider.Provider
	// at is when the user authenticated there, as far as it is known.
	at time.Time
	// take uses the confirmation up in a transaction. Of many at once, one does.
	take func(ctx context.Context, tx *transaction.Tx) error
}

// earlier returns the earlier one of two times. A provider need not say when its user has authenticated.
func earlier(said, known time.Time) time.Time {
	if said.IsZero() || said.After(known) {
		return known
	}
	return said
}

// Present returns the identity that Receive has kept, for an actor who has its code and may continue.
func (i *Identities) Present(ctx context.Context, who transaction.Actor, code string, by Continuer) (*Proved, error) {
	try := Try{auth.CeremonyProviderIdentity, digest(code), identityTries, wrongIdentityCode}
	c, err := i.factors.CountTry(ctx, who, try)
	if err != nil {
		return nil, err
	}
	var kept keptIdentity
	if err := json.Unmarshal([]byte(c.Details), &kept); err != nil {
		return nil, fmt.Errorf("read identity: %w", err)
	}
	if !kept.admits(by) {
		return nil, otherBrowser
	}
	p, ok := i.providers.Provider(kept.Provider)
	if !ok || !p.HasIssuer(kept.Identity.Issuer) { // the settings have changed
		return nil, wrongIdentityCode
	}
	take := func(ctx context.Context, tx *transaction.Tx) error { return try.Take(ctx, tx, c) }
	return &Proved{kept.Identity, p, earlier(kept.Identity.AuthenticatedAt, c.CreatedAt), take}, nil
}

// IDToken checks an ID token that a program got from a provider. It can be used once.
func (i *Identities) IDToken(ctx context.Context, id, raw, nonce string) (*Proved, error) {
	p, ok := i.providers.Provider(id)
	if !ok {
		return nil, unknownProvider
	}
	found, err := p.VerifyIDToken(ctx, raw, nonce)
	switch {
	case errors.Is(err, provider.ErrUnavailable):
		return nil, i.notAvailable(ctx, err)
	case err != nil:
		i.factors.checker.log.WarnContext(ctx, "ID token refused", "id", request.From(ctx).ID, "err", err)
		refused := *wrongIDToken
		refused.Err = err
		return nil, &refused
	}
	signed := raw[:max(strings.LastIndexByte(raw, '.'), 0)] // without the signature, which can have several forms
	used := "id token " + base64.RawURLEncoding.EncodeToString(digest(signed))
	return &Proved{*found, p, earlier(found.AuthenticatedAt, i.tx.Now()), func(ctx context.Context, tx *transaction.Tx) error {
		first, err := tx.UseChallenge(ctx, used, found.ExpiresAt.Add(time.Hour)) // longer than the clocks differ
		if err == nil && !first {
			err = wrongIDToken
		}
		return err
	}}, nil
}

// identityMark is the secret of every identity: the server keeps no secret of one.
const identityMark = "provider"

// StoredIdentity is what the details of a factor keep of an identity.
type StoredIdentity struct {
	// Provider is the id that its provider had when it was linked.
	Provider string `json:"provider"`
	Issuer   string `json:"issuer"`
	Subject  string `json:"subject"`
	Email    string `json:"email,omitempty"`
}

// OpenIdentity reads what a factor keeps of an identity.
func OpenIdentity(f *auth.Factor) (StoredIdentity, error) {
	var stored StoredIdentity
	if err := json.Unmarshal([]byte(f.Details), &stored); err != nil {
		return stored, fmt.Errorf("read identity: %w", err)
	}
	return stored, nil
}

// identityKey is the key of the factor of an identity. No issuer has a zero byte.
func identityKey(issuer, subject string) string {
	sum := sha256.Sum256([]byte(issuer + "\x00" + subject))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (p *Proved) details() (string, error) {
	text, err := jsonobject.Encode(StoredIdentity{p.Provider.ID(), p.Issuer, p.Subject, p.Email})
	return string(text), err
}

func (p *Proved) methods() []auth.Method {
	if p.MultiFactor {
		return []auth.Method{auth.MethodProviderMultiFactor}
	}
	return []auth.Method{auth.MethodProvider}
}

// Holder returns a Proof of the user who has linked an identity. It uses the confirmation up. The error is auth.ErrNotFound
// if nobody has linked it.
func (i *Identities) Holder(ctx context.Context, p *Proved) (Proof, error) {
	user, found, err := i.store.FactorByKey(ctx, auth.CredentialIdentity, identityKey(p.Issuer, p.Subject))
	if err != nil {
		return Proof{}, err
	}
	// Only somebody who controls the identity learns that the account is disabled.
	if user.DisabledAt != nil {
		return Proof{}, i.factors.refuse(ctx, user, auth.Unauthenticated(auth.ReasonAccountDisabled))
	}
	use := auth.FactorUse{ID: found.ID, Was: found.Counter, Counter: found.Counter}
	if use.Details, err = p.details(); err != nil {
		return Proof{}, err
	}
	return Proof{
		user: user, methods: p.methods(), at: p.at,
		spend: func(ctx context.Context, tx *transaction.Tx) error {
			if err := p.take(ctx, tx); err != nil {
				return err
			}
			use.At = tx.Now
			used, err := tx.UseFactor(ctx, use)
			if err == nil && !used {
				err = auth.WrongCredential(auth.AuthMethodProvider) // it was unlinked meanwhile
			}
			return err
		},
	}, nil
}

// EnrollIdentity creates an account in a transaction, with an identity that signs in to it.
func EnrollIdentity(ctx context.Context, tx *transaction.Tx, a *auth.Account, p *Proved) (Proof, error) {
	if _, err := Enroll(ctx, tx, a, nil); err != nil {
		return Proof{}, err
	}
	return p.Adopt(ctx, tx, a.ID)
}

// Adopt gives an account an identity in a transaction, as Link does, and proves that its user is there.
func (p *Proved) Adopt(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) (Proof, error) {
	if _, err := p.link(ctx, tx, userID, &tx.Now); err != nil {
		return Proof{}, err
	}
	user, err := tx.User(ctx, userID) // whose credentials have another version now
	if err != nil {
		return Proof{}, err
	}
	return Proof{user: user, methods: p.methods(), at: p.at}, nil
}

// Link gives a user an identity in a transaction, and uses the confirmation up. The error is auth.ErrFactorTaken if a user
// has it.
func (p *Proved) Link(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) (*auth.Factor, error) {
	return p.link(ctx, tx, userID, nil)
}

func (p *Proved) link(ctx context.Context, tx *transaction.Tx, userID uuid.UUID, used *time.Time) (*auth.Factor, error) {
	if err := p.take(ctx, tx); err != nil {
		return nil, err
	}
	id, err := tx.NewID()
	if err != nil {
		return nil, err
	}
	f := auth.Factor{
		ID: id, UserID: userID, Kind: auth.CredentialIdentity, Key: identityKey(p.Issuer, p.Subject), Secret: identityMark,
		LastUsedAt: used, CreatedAt: tx.Now, UpdatedAt: tx.Now,
	}
	if f.Details, err = p.details(); err != nil {
		return nil, err
	}
	return &f, tx.AddFactors(ctx, userID, []auth.Factor{f})
}

// RemoveIdentities removes all identities of a user.
func RemoveIdentities(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) (removed bool, err error) {
	n, err := tx.RemoveFactors(ctx, userID, auth.FactorRemoval{Kind: auth.CredentialIdentity, At: tx.Now})
	return n > 0, err
}

// Shown returns an identity as its owner and administrators see it.
func (i *Identities) Shown(f *auth.Factor) (*auth.Identity, error) {
	stored, err := OpenIdentity(f)
	if err != nil {
		return nil, err
	}
	shown := &auth.Identity{ID: f.ID, Issuer: stored.Issuer, Subject: stored.Subject, CreatedAt: f.CreatedAt, LastUsedAt: f.LastUsedAt}
	if stored.Email != "" {
		shown.Email = &stored.Email
	}
	if p := i.providerOf(stored); p != nil {
		shown.Provider = &auth.Provider{ID: p.ID(), Name: p.Name()}
	}
	return shown, nil
}

// providerOf returns the provider of an identity: the one with which it was linked, or another one with the same issuer. It
// is nil if there is none any more.
func (i *Identities) providerOf(stored StoredIdentity) *provider.Provider {
	if p, ok := i.providers.Provider(stored.Provider); ok && p.HasIssuer(stored.Issuer) {
		return p
	}
	for _, p := range i.providers.All() {
		if p.HasIssuer(stored.Issuer) {
			return p
		}
	}
	return nil
}

// SignsIn reports whether a user can sign in with a factor alone: with a passkey, or with an identity whose provider is
// still configured.
func (i *Identities) SignsIn(f *auth.Factor) bool {
	switch f.Kind {
	case auth.CredentialPasskey:
		return i.factors.party != nil
	case auth.CredentialIdentity:
		stored, err := OpenIdentity(f)
		return err == nil && i.providerOf(stored) != nil
	}
	return false
}
