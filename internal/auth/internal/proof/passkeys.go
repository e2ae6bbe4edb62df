package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
	"usher/internal/passkey"
)

// passkeyTries limits how often one request for a passkey can be answered.
const passkeyTries = 5

// The errors of what a client sends of a passkey.
var (
	noPasskeys = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputInvalidFormat,
		Message: "This server has no passkeys: they need a domain. Its operator can set one with USHER_PASSKEY_RP_ID.",
	})
	// unknownPasskey is about a passkey that no account has, so that the browser need not offer it again.
	unknownPasskey = &auth.Error{Code: auth.CodeInvalidCredentials, Wrong: auth.AuthMethodPasskey, UnknownPasskey: true}
	// PasskeyExpired is about a request that was answered, has expired, or had too many answers.
	PasskeyExpired = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputExpired, Message: "The request for a passkey has expired or was answered. Start again.",
	})
	// PasskeyMalformed is about a text that no browser sends.
	PasskeyMalformed = auth.BadInput(auth.FieldError{
		Field: "passkey", Code: auth.InputInvalidFormat, Message: "This is not what a browser answers for a passkey.",
	})
	wrongPasskey = auth.WrongCredential(auth.AuthMethodPasskey)
)

// Party returns what passkeys belong to, or an error for clients if the server has none.
func (f *Factors) Party() (*passkey.Party, error) {
	if f.party == nil {
		return nil, noPasskeys
	}
	return f.party, nil
}

// PasskeyRequest asks for any passkey of the site whose authenticator verifies its user. The same request serves sign-ins
// and confirmations: who answers it is not known before.
func (f *Factors) PasskeyRequest(ctx context.Context) (*auth.PasskeyRequest, error) {
	party, err := f.Party()
	if err != nil {
		return nil, err
	}
	options, state, err := party.Login(nil, true)
	if err != nil {
		return nil, err
	}
	token, err := NewToken(f.tx.Rand())
	if err != nil {
		return nil, err
	}
	err = f.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		return tx.CreateCeremony(ctx, &auth.Ceremony{
			ID: id, Purpose: auth.CeremonyPasskeyLogin, TokenDigest: digest(token), Details: string(state),
			CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(passkey.Timeout),
		})
	})
	if err != nil {
		return nil, fmt.Errorf("keep request for a passkey: %w", err)
	}
	return &auth.PasskeyRequest{Challenge: token, Options: jsonobject.Object(options), ExpiresIn: passkey.Timeout}, nil
}

// Passkey checks a passkey that is the only factor of a sign-in. Whatever is wrong with it, the error is the same, with
// auth.CodeInvalidCredentials. The Proof uses the request up.
func (f *Factors) Passkey(ctx context.Context, r auth.PasskeyResponse) (Proof, error) {
	c, id, err := f.answered(ctx, r)
	if err != nil {
		return Proof{}, err
	}
	user, found, err := f.store.FactorByKey(ctx, auth.CredentialPasskey, PasskeyKey(id))
	if errors.Is(err, auth.ErrNotFound) {
		return Proof{}, f.refuse(ctx, nil, unknownPasskey)
	}
	if err != nil {
		return Proof{}, err
	}
	p, err := f.verify(ctx, c, user, nil, found, r)
	if err != nil {
		return Proof{}, err
	}
	// Only callers with the right passkey learn that the account is disabled.
	if user.DisabledAt != nil {
		return Proof{}, f.refuse(ctx, user, auth.Unauthenticated(auth.ReasonAccountDisabled))
	}
	return p, nil
}

// refuse records that a sign-in was refused, of nobody if the account is not known, and returns why.
func (f *Factors) refuse(ctx context.Context, user *auth.User, why error) error {
	err := f.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		event := auth.AuditEvent{Kind: auth.EventLoginFailed}
		if user != nil {
			event.UserID = &user.ID
		}
		return tx.Record(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("record refused passkey: %w", err)
	}
	return why
}

// ownPasskey checks a passkey of a user that is known. One of another user is wrong.
func (f *Factors) ownPasskey(ctx context.Context, user *auth.User, by *auth.Viewer, r auth.PasskeyResponse) (Proof, error) {
	c, id, err := f.answered(ctx, r)
	if err != nil {
		return Proof{}, err
	}
	factors, err := f.store.Factors(ctx, user.ID)
	if err != nil {
		return Proof{}, err
	}
	key := PasskeyKey(id)
	i := slices.IndexFunc(factors, func(f auth.Factor) bool { return f.Kind == auth.CredentialPasskey && f.Key == key })
	if i < 0 {
		return Proof{}, f.fail(ctx, user, by, wrongPasskey)
	}
	return f.verify(ctx, c, user, by, &factors[i], r)
}

// tryOf is the attempt to finish a request with an answer.
func tryOf(r auth.PasskeyResponse) Try {
	return Try{auth.CeremonyPasskeyLogin, digest(r.Challenge), passkeyTries, PasskeyExpired}
}

// answered counts an answer to a request, and returns the request and the id of the credential that the answer names.
func (f *Factors) answered(ctx context.Context, r auth.PasskeyResponse) (c *auth.Ceremony, id []byte, err error) {
	if _, err := f.Party(); err != nil {
		return nil, nil, err
	}
	if c, err = f.CountTry(ctx, transaction.Nobody, tryOf(r)); err != nil {
		return nil, nil, err
	}
	if id, _, err = passkey.CredentialID(r.Response.JSON()); err != nil {
		return nil, nil, PasskeyMalformed
	}
	return c, id, nil
}

// verify checks the answer of a passkey to a request. A wrong one is recorded.
func (f *Factors) verify(ctx context.Context, c *auth.Ceremony, user *auth.User, by *auth.Viewer, found *auth.Factor, r auth.PasskeyResponse) (Proof, error) {
	stored, err := OpenPasskey(found)
	if err != nil {
		return Proof{}, err
	}
	assertion, err := f.party.Verify([]byte(c.Details), stored.Credential, stored.Handle, r.Response.JSON())
	switch {
	case errors.Is(err, passkey.ErrResponse):
		return Proof{}, PasskeyMalformed
	case errors.Is(err, passkey.ErrVerification), errors.Is(err, passkey.ErrCounter):
		return Proof{}, f.fail(ctx, user, by, wrongPasskey)
	case err != nil:
		return Proof{}, err
	}
	stored.Credential = assertion.Credential
	details, err := stored.details()
	if err != nil {
		return Proof{}, err
	}
	method := auth.MethodPasskeyPresence
	if assertion.UserVerified {
		method = auth.MethodPasskey
	}
	use := auth.FactorUse{ID: found.ID, Was: found.Counter, Counter: int64(assertion.Credential.SignCount), Details: details}
	return Proof{
		user: user, methods: []auth.Method{method}, at: f.tx.Now(), counted: true, passkey: &found.ID,
		spend: func(ctx context.Context, tx *transaction.Tx) error {
			if err := tryOf(r).Take(ctx, tx, c); err != nil {
				return err
			}
			use.At = tx.Now
			used, err := tx.UseFactor(ctx, use)
			if err == nil && !used {
				err = wrongPasskey // another request has used a later signature
			}
			return err
		},
	}, nil
}

// StoredPasskey is what the details of a factor keep of a passkey.
type StoredPasskey struct {
	// Handle is how authenticators know the user. It is random, and the same for all passkeys of the user.
	Handle     []byte             `json:"handle"`
	Credential passkey.Credential `json:"credential"`
}

// PasskeyMark is the secret of every passkey: the server keeps no secret of one.
const PasskeyMark = "webauthn"

// PasskeyKey is the key of the factor of a credential id.
func PasskeyKey(id []byte) string {
	sum := sha256.Sum256(id)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// OpenPasskey reads what a factor keeps of a passkey.
func OpenPasskey(f *auth.Factor) (StoredPasskey, error) {
	var stored StoredPasskey
	if err := json.Unmarshal([]byte(f.Details), &stored); err != nil {
		return stored, fmt.Errorf("read passkey: %w", err)
	}
	return stored, nil
}

// Fill sets the fields of a factor that describe the passkey.
func (p StoredPasskey) Fill(f *auth.Factor) (err error) {
	f.Kind, f.Key, f.Secret = auth.CredentialPasskey, PasskeyKey(p.Credential.ID), PasskeyMark
	f.Counter = int64(p.Credential.SignCount)
	f.Details, err = p.details()
	return err
}

func (p StoredPasskey) details() (string, error) {
	text, err := json.Marshal(p)
	return string(text), err
}
