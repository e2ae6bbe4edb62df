package auth_test

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/identities"
	"usher/internal/provider"
)

// ensureFactor gives the caller an authenticator app past the domain, unless they have one.
func (f *fixture) ensureFactor(ctx context.Context) error {
	me, err := f.Me(ctx)
	if err != nil || me.HasFactor(auth.CredentialTOTP) {
		return err
	}
	id := me.ID
	id[0] ^= 0x40 // the passkey has the id itself
	return f.Store.AddFactors(ctx, me.ID, []auth.Factor{{
		ID: id, UserID: me.ID, Kind: auth.CredentialTOTP, Secret: "x", CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
	}})
}

// setEmails gives all users without an address one, past the domain.
func (f *fixture) setEmails(t *testing.T) {
	t.Helper()
	for _, u := range f.AllUsers(t) {
		if u.Email != nil {
			continue
		}
		address := *u.Username + "@example.com"
		if err := f.Store.SetEmail(t.Context(), u.ID, auth.Email{Address: &address, Key: &address}, u.UpdatedAt); err != nil {
			t.Fatal(err)
		}
	}
}

// ensurePasskey gives the caller a passkey past the domain, unless they have one, and returns its id.
func (f *fixture) ensurePasskey(ctx context.Context) (uuid.UUID, error) {
	me, err := f.Me(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	found, err := f.Store.Factors(ctx, me.ID)
	if err != nil {
		return uuid.Nil, err
	}
	for _, existing := range found {
		if existing.Kind == auth.CredentialPasskey {
			return existing.ID, nil
		}
	}
	passkey := auth.Factor{
		ID: me.ID, UserID: me.ID, Kind: auth.CredentialPasskey, Key: me.ID.String(), Secret: "webauthn", Details: "{}",
		CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
	}
	return passkey.ID, f.Store.AddFactors(ctx, me.ID, []auth.Factor{passkey})
}

// codeVerifier is what a program knows that has signed in at a provider.
const codeVerifier = "a-verifier-that-the-program-has-made-0123456789"

// ensureIdentityCode keeps an identity for the caller past the domain, and returns its code.
func (f *fixture) ensureIdentityCode(ctx context.Context) (string, error) {
	me, err := f.Me(ctx)
	if err != nil {
		return "", err
	}
	code := identityCode(me.ID)
	id := me.ID
	id[1] ^= 0x40
	challenge, digest := sha256.Sum256([]byte(codeVerifier)), sha256.Sum256([]byte(code))
	details, err := json.Marshal(map[string]any{
		"challenge": challenge[:], "provider": "example",
		"identity": provider.Identity{Issuer: "https://id.example.com", Subject: "of " + me.ID.String()},
	})
	if err != nil {
		return "", err
	}
	return code, f.Store.CreateCeremony(ctx, &auth.Ceremony{
		ID: id, Purpose: auth.CeremonyProviderIdentity, TokenDigest: digest[:], Details: string(details),
		CreatedAt: f.Clock.Now(), ExpiresAt: f.Clock.Now().Add(10 * time.Minute),
	})
}

func identityCode(user uuid.UUID) string { return "identity code of " + user.String() }

// linkIdentity links the identity of a code, and returns what it answers except for the id.
func (f *fixture) linkIdentity(ctx context.Context, code string) (any, error) {
	p, err := f.Domain.Identities.LinkIdentity(ctx, identities.LinkIdentityInput{Code: code, By: identities.Continuer{Verifier: codeVerifier}})
	if err != nil {
		return nil, err
	}
	return []any{p.User.Factors, *p.Identity.Provider}, nil
}

// ensureIdentity gives the caller an identity past the domain, unless they have one, and returns its id.
func (f *fixture) ensureIdentity(ctx context.Context) (uuid.UUID, error) {
	me, err := f.Me(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	found, err := f.Store.Factors(ctx, me.ID)
	if err != nil {
		return uuid.Nil, err
	}
	for _, existing := range found {
		if existing.Kind == auth.CredentialIdentity {
			return existing.ID, nil
		}
	}
	id := me.ID
	id[2] ^= 0x40
	return id, f.Store.AddFactors(ctx, me.ID, []auth.Factor{{
		ID: id, UserID: me.ID, Kind: auth.CredentialIdentity, Key: me.ID.String(), Secret: "provider",
		Details: `{"provider":"example","issuer":"https://id.example.com","subject":"1"}`, CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
	}})
}

// ensureSpareRole creates the role SPARE past the domain, unless it exists.
func (f *fixture) ensureSpareRole(ctx context.Context) error {
	const name auth.Role = "SPARE"
	roles, err := f.Store.Roles(ctx)
	if err != nil || slices.ContainsFunc(roles, func(r auth.RoleDefinition) bool { return r.Name == name }) {
		return err
	}
	return f.Store.CreateRole(ctx, &auth.RoleDefinition{Name: name, CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now()})
}

// failedMail is the id of the mail that ensureFailedMail makes.
var failedMail = uuid.MustParse("01940000-0000-7000-8000-00000000fa11")

// ensureFailedMail makes a mail that could not be sent past the domain, and returns its id.
func (f *fixture) ensureFailedMail(ctx context.Context) (uuid.UUID, error) {
	id := failedMail
	found, err := f.Store.Mails(ctx, auth.MailQuery{ID: &id, Page: auth.Page[uuid.UUID]{Limit: 1}})
	if err != nil || len(found) == 1 && found[0].State == auth.MailFailed {
		return id, err
	}
	if len(found) == 1 {
		before := found[0].State
		found[0].State = auth.MailFailed
		_, err := f.Store.UpdateMail(ctx, &found[0], before, found[0].Attempts)
		return id, err
	}
	now := f.Clock.Now()
	return id, f.Store.AddMail(ctx, &auth.MailMessage{
		ID: id, Kind: auth.MailSignUp, State: auth.MailFailed, Content: []byte("sealed"), NextAttemptAt: now, CreatedAt: now,
		ExpiresAt: now.AddDate(1, 0, 0),
	})
}
