package factors

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/jsonobject"
	"usher/internal/passkey"
)

const (
	// passkeysPerUser limits the passkeys of a user, because a set-up lists all of them for the browser.
	passkeysPerUser = 20
	// maxName is the maximum length of the name of a passkey in code points.
	maxName     = 100
	defaultName = "Passkey"
	// handleBytes is the length of a user handle. A random one of this length identifies nobody (WebAuthn Level 3 §14.6.1).
	handleBytes = 32
)

// The errors of passkeys.
var (
	tooManyPasskeys = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputTooMany, Message: "You have 20 passkeys. Remove one first.",
	})
	passkeyTaken = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputTaken, Message: "This passkey is set up already.",
	})
	wrongPasskey = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputIncorrect, Message: "The passkey does not answer this set-up. Start again.",
	})
	noPasskey = auth.BadInput(auth.FieldError{
		Field: "id", Code: auth.InputNotFound, Message: "You have no passkey with this id.",
	})
	lastCredential = auth.BadInput(auth.FieldError{
		Field: "id", Code: auth.InputLastCredential, Message: "You could no longer sign in. Set a password, or add another passkey or an identity first.",
	})
)

// passkeySetup is what is kept of a set-up.
type passkeySetup struct {
	Handle []byte `json:"handle"`
	State  []byte `json:"state"`
}

// passkeyTry is the attempt to finish a set-up of a session. Nobody else can answer it or use it up.
func passkeyTry(session *auth.Session, challenge string) proof.Try {
	sum := sha256.Sum256([]byte("passkey setup " + session.ID.String() + " " + challenge))
	return proof.Try{Purpose: auth.CeremonyPasskeySetup, TokenDigest: sum[:], Most: setupTries, Expired: proof.PasskeyExpired}
}

// BeginPasskeySetup asks the browser of the signed-in user to create a passkey, on no authenticator that has one of theirs.
// Nothing changes until ConfirmPasskeySetup.
func (s *Service) BeginPasskeySetup(ctx context.Context) (*auth.PasskeyRequest, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	party, err := s.proofs.Party()
	if err != nil {
		return nil, err
	}
	challenge, err := proof.NewToken(s.tx.Rand())
	if err != nil {
		return nil, err
	}
	request := &auth.PasskeyRequest{Challenge: challenge, ExpiresIn: passkey.Timeout}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		handle, existing, err := s.passkeys(ctx, tx)
		if err != nil {
			return err
		}
		u := &tx.Viewer.User
		user := passkey.User{Handle: handle, Name: account(u)}
		if u.FullName != nil {
			user.DisplayName = *u.FullName
		}
		options, state, err := party.Registration(user, existing)
		if err != nil {
			return err
		}
		request.Options = jsonobject.Object(options)
		details, err := json.Marshal(passkeySetup{handle, state})
		if err != nil {
			return err
		}
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, &auth.Ceremony{
			ID: id, Purpose: auth.CeremonyPasskeySetup, TokenDigest: passkeyTry(&v.Session, challenge).TokenDigest, UserID: &v.User.ID,
			Details: string(details), CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(passkey.Timeout),
		})
	})
	if err != nil {
		return nil, err
	}
	return request, nil
}

// passkeys returns the user handle of the user of a transaction, a new one before their first passkey, and their passkeys.
// It fails if they may have no more.
func (s *Service) passkeys(ctx context.Context, tx *transaction.Tx) (handle []byte, existing []passkey.Credential, err error) {
	all, err := tx.Factors(ctx, tx.Viewer.User.ID)
	if err != nil {
		return nil, nil, err
	}
	for i := range all {
		if all[i].Kind != auth.CredentialPasskey {
			continue
		}
		stored, err := proof.OpenPasskey(&all[i])
		if err != nil {
			return nil, nil, err
		}
		if handle == nil {
			handle = stored.Handle
		}
		existing = append(existing, stored.Credential)
	}
	switch {
	case len(existing) >= passkeysPerUser:
		return nil, nil, tooManyPasskeys
	case handle == nil:
		handle = make([]byte, handleBytes)
		_, err = io.ReadFull(s.tx.Rand(), handle)
	}
	return handle, existing, err
}

// ConfirmPasskeySetupInput is the input of ConfirmPasskeySetup.
type ConfirmPasskeySetupInput struct {
	Passkey auth.PasskeyResponse
	// Name is what the user calls the passkey; nil means a default.
	Name *string
}

// ConfirmPasskeySetupPayload answers ConfirmPasskeySetup.
type ConfirmPasskeySetupPayload struct {
	User   *auth.User
	Factor *Factor
	// RecoveryCodes are new; nil if the user has recovery codes.
	RecoveryCodes []string
}

// ConfirmPasskeySetup stores the passkey that the browser has created for BeginPasskeySetup in this session. A passkey of
// another account has the error InputTaken. The user gets a mail, and recovery codes with their first factor.
func (s *Service) ConfirmPasskeySetup(ctx context.Context, in ConfirmPasskeySetupInput) (*ConfirmPasskeySetupPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	name := defaultName
	if in.Name != nil {
		if name, err = passkeyName(*in.Name); err != nil {
			return nil, err
		}
	}
	c, created, err := s.created(ctx, v, in.Passkey)
	if err != nil {
		return nil, err
	}
	payload := &ConfirmPasskeySetupPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		if err := passkeyTry(&v.Session, in.Passkey.Challenge).Take(ctx, tx, c); err != nil {
			return err
		}
		if _, _, err := s.passkeys(ctx, tx); err != nil {
			return err
		}
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		f := auth.Factor{ID: id, UserID: v.User.ID, Name: &name, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		if err := created.Fill(&f); err != nil {
			return err
		}
		payload.RecoveryCodes, err = s.added(ctx, tx, f)
		if errors.Is(err, auth.ErrFactorTaken) {
			return passkeyTaken
		}
		if err != nil {
			return err
		}
		if payload.Factor, err = of(&f); err != nil {
			return err
		}
		v, err = tx.Reread(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	payload.User = &v.User
	return payload, nil
}

// created counts an answer to a set-up, and returns the set-up and the passkey of a right answer.
func (s *Service) created(ctx context.Context, v *auth.Viewer, r auth.PasskeyResponse) (c *auth.Ceremony, created proof.StoredPasskey, err error) {
	fail := func(err error) (*auth.Ceremony, proof.StoredPasskey, error) { return nil, proof.StoredPasskey{}, err }
	party, err := s.proofs.Party()
	if err != nil {
		return fail(err)
	}
	if c, err = s.proofs.CountTry(ctx, transaction.InSession(v), passkeyTry(&v.Session, r.Challenge)); err != nil {
		return fail(err)
	}
	var setup passkeySetup
	if err := json.Unmarshal([]byte(c.Details), &setup); err != nil {
		return fail(fmt.Errorf("read set-up of a passkey: %w", err))
	}
	credential, err := party.Register(setup.State, setup.Handle, r.Response.JSON())
	switch {
	case errors.Is(err, passkey.ErrResponse):
		return fail(proof.PasskeyMalformed)
	case errors.Is(err, passkey.ErrVerification):
		return fail(wrongPasskey)
	case err != nil:
		return fail(err)
	}
	return c, proof.StoredPasskey{Handle: setup.Handle, Credential: credential}, nil
}

// passkeyName reads what a user calls a passkey: free text of one line.
func passkeyName(raw string) (string, error) {
	name, err := identity.ParseFullName(raw)
	switch {
	case err == nil && name == "":
		err = identity.Required
	case err == nil && utf8.RuneCountInString(name) > maxName:
		err = identity.TooLong
	}
	if err != nil {
		return "", auth.BadInput(auth.InvalidField("name", err))
	}
	return name, nil
}

// RenamePasskeyInput is the input of RenamePasskey.
type RenamePasskeyInput struct {
	ID   uuid.UUID
	Name string
}

// RenamePasskeyPayload answers RenamePasskey.
type RenamePasskeyPayload struct {
	Factor *Factor
	User   *auth.User
}

// RenamePasskey changes what the signed-in user calls one of their passkeys: 1 to 100 characters on one line.
func (s *Service) RenamePasskey(ctx context.Context, in RenamePasskeyInput) (*RenamePasskeyPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	name, err := passkeyName(in.Name)
	if err != nil {
		return nil, err
	}
	payload := &RenamePasskeyPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		all, i, err := s.passkey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		all[i].Name = &name
		payload.User = &tx.Viewer.User
		if payload.Factor, err = of(&all[i]); err != nil {
			return err
		}
		return tx.RenameFactor(ctx, v.User.ID, in.ID, name, tx.Now)
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// passkey finds a passkey of the user of a transaction among all of their factors.
func (*Service) passkey(ctx context.Context, tx *transaction.Tx, id uuid.UUID) (all []auth.Factor, at int, err error) {
	if all, err = tx.Factors(ctx, tx.Viewer.User.ID); err != nil {
		return nil, 0, err
	}
	at = slices.IndexFunc(all, func(f auth.Factor) bool { return f.Kind == auth.CredentialPasskey && f.ID == id })
	if at < 0 {
		return nil, 0, noPasskey
	}
	return all, at, nil
}

// RemovePasskeyInput is the input of RemovePasskey.
type RemovePasskeyInput struct {
	ID uuid.UUID
}

// RemovePasskeyPayload answers RemovePasskey.
type RemovePasskeyPayload struct {
	User *auth.User
}

// RemovePasskey removes a passkey of the signed-in user. With the last factor the recovery codes go too. Sessions and access
// tokens no longer count it. The user gets a mail. The last way to sign in has the error InputLastCredential: what counts is
// a password, another passkey, and an identity whose provider is still configured.
func (s *Service) RemovePasskey(ctx context.Context, in RemovePasskeyInput) (*RemovePasskeyPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		all, _, err := s.passkey(ctx, tx, in.ID)
		if err != nil {
			return err
		}
		_, password, err := tx.PasswordOf(ctx, v.User.ID)
		if err != nil {
			return err
		}
		other := func(f auth.Factor) bool { return f.ID != in.ID && s.identities.SignsIn(&f) }
		if password == nil && !slices.ContainsFunc(all, other) {
			return lastCredential
		}
		err = s.remove(ctx, tx, auth.FactorRemoval{
			Kind: auth.CredentialPasskey, ID: &in.ID, Methods: []auth.Method{auth.MethodPasskey, auth.MethodPasskeyPresence},
		})
		if err != nil {
			return err
		}
		v, err = tx.Reread(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &RemovePasskeyPayload{User: &v.User}, nil
}
