package proof

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/passkey"
	"usher/internal/seal"
	"usher/internal/totp"
)

const (
	// loginLifetime and loginTries limit how long and how often a sign-in with a right password can be completed.
	loginLifetime = 5 * time.Minute
	loginTries    = 5
)

// FactorStore is what Factors reads outside of transactions.
type FactorStore interface {
	User(ctx context.Context, id uuid.UUID) (*auth.User, error)
	Factors(ctx context.Context, userID uuid.UUID) ([]auth.Factor, error)
	FactorByKey(ctx context.Context, kind auth.CredentialKind, key string) (*auth.User, *auth.Factor, error)
}

// Factors checks second factors, and keeps the sign-ins that need one. It is safe for concurrent use.
type Factors struct {
	store   FactorStore
	checker *Checker
	mailed  *Mailed
	seeds   seal.Box
	party   *passkey.Party
	tx      *transaction.Runner
}

// NewFactors returns a Factors. It derives the key that encrypts the seeds of TOTP from the server's secret. Without a party
// nobody can use passkeys.
func NewFactors(store FactorStore, checker *Checker, mailed *Mailed, secrets *seal.Secrets, party *passkey.Party) (*Factors, error) {
	seeds, err := seal.NewBox(secrets, "usher totp seed")
	if err != nil {
		return nil, err
	}
	return &Factors{store: store, checker: checker, mailed: mailed, seeds: seeds, party: party, tx: checker.tx}, nil
}

// NeedsSecondFactor reports whether the user of the proof has set up a second factor and has not used it.
func (p Proof) NeedsSecondFactor() bool {
	return p.user.HasSecondFactor() && auth.AssuranceOf(p.methods) != auth.AAL2
}

// Uses reports whether a method is among those of the proof.
func (p Proof) Uses(m auth.Method) bool { return slices.Contains(p.methods, m) }

func (p Proof) usesFactor() bool {
	return slices.ContainsFunc(p.methods, func(m auth.Method) bool {
		return m != auth.MethodPassword && m != auth.MethodEmailCode && m != auth.MethodProvider && m != auth.MethodProviderMultiFactor
	})
}

// begun is what is kept of a sign-in that needs a second factor.
type begun struct {
	CredentialsVersion int           `json:"credentialsVersion"`
	Methods            []auth.Method `json:"methods"`
	// Browser is the digest of what the browser keeps in a cookie; nil without one.
	Browser     []byte `json:"browser,omitempty"`
	Compromised bool   `json:"compromised,omitempty"`
}

// Pending describes a sign-in to complete.
type Pending struct {
	// Browser says that only the browser that began the sign-in may complete it.
	Browser bool
	// Compromised says that the password is in the list of breached ones.
	Compromised bool
}

// Begin keeps a proof of one factor in a transaction, until the second one is presented. It returns the error that asks for
// it. What the proof can use once is used up. The attempt at the password stays counted: a client that knows the password
// cannot start over without end.
func (f *Factors) Begin(ctx context.Context, tx *transaction.Tx, p Proof, pending Pending) (*auth.Error, error) {
	if p.spend != nil {
		if err := p.spend(ctx, tx); err != nil {
			return nil, err
		}
	}
	token, err := NewToken(f.tx.Rand())
	if err != nil {
		return nil, err
	}
	kept := begun{CredentialsVersion: p.user.CredentialsVersion, Methods: p.methods, Compromised: pending.Compromised}
	next := &auth.Continuation{Token: token, ExpiresIn: loginLifetime}
	if pending.Browser {
		if next.Browser, err = NewToken(f.tx.Rand()); err != nil {
			return nil, err
		}
		kept.Browser = digest(next.Browser)
	}
	details, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	id, err := tx.NewID()
	if err != nil {
		return nil, err
	}
	err = tx.CreateCeremony(ctx, &auth.Ceremony{
		ID: id, Purpose: auth.CeremonyLogin, TokenDigest: digest(token), UserID: &p.user.ID, Details: string(details),
		CreatedAt: tx.Now, ExpiresAt: tx.Now.Add(loginLifetime),
	})
	if err != nil {
		return nil, fmt.Errorf("keep sign-in: %w", err)
	}
	return &auth.Error{Code: auth.CodeSecondFactorRequired, Methods: completing(p.user), Continue: next}, nil
}

// completing returns the methods that complete a sign-in of a user: the second factors, or a mailed code without any.
func completing(u *auth.User) []auth.AuthMethod {
	if u.HasSecondFactor() {
		return u.SecondFactors()
	}
	return []auth.AuthMethod{auth.AuthMethodEmailCode}
}

// Answer is what a user presents to complete a sign-in or to confirm their identity. Exactly one field is set.
type Answer struct {
	TOTP         *string
	RecoveryCode *string
	Passkey      *auth.PasskeyResponse
	// EmailCode is the code of a mail that signs in, to the address of the account.
	EmailCode *string
}

func (a Answer) isOne() bool {
	n := 0
	for _, given := range []bool{a.TOTP != nil, a.RecoveryCode != nil, a.Passkey != nil, a.EmailCode != nil} {
		if given {
			n++
		}
	}
	return n == 1
}

var (
	wrongChallenge = auth.BadInput(auth.FieldError{
		Field: "challenge", Code: auth.InputExpired, Message: "This sign-in has expired or was completed. Sign in again.",
	})
	oneAnswer = auth.BadInput(auth.FieldError{
		Field: "input", Code: auth.InputRequired, Message: "Give exactly one of the methods.",
	})
	mailNotEnough = auth.BadInput(auth.FieldError{
		Field: "emailCode", Code: auth.InputIncorrect, Message: "A mailed code does not replace a second factor.",
	})
	wrongTOTP         = auth.WrongCredential(auth.AuthMethodTOTP)
	wrongRecoveryCode = auth.WrongCredential(auth.AuthMethodRecoveryCode)
)

// Complete checks the second factor of a sign-in that has begun. browser is what the browser has kept. The Proof uses the
// sign-in up. Its second result says whether the password is compromised.
func (f *Factors) Complete(ctx context.Context, challenge, browser string, a Answer) (p Proof, compromised bool, err error) {
	if !a.isOne() {
		return Proof{}, false, oneAnswer
	}
	try := Try{auth.CeremonyLogin, digest(challenge), loginTries, wrongChallenge}
	c, err := f.CountTry(ctx, transaction.Nobody, try)
	if err != nil {
		return Proof{}, false, err
	}
	var kept begun
	if err := json.Unmarshal([]byte(c.Details), &kept); err != nil {
		return Proof{}, false, fmt.Errorf("read sign-in: %w", err)
	}
	if kept.Browser != nil && !slices.Equal(kept.Browser, digest(browser)) {
		return Proof{}, false, wrongChallenge
	}
	user, err := f.store.User(ctx, *c.UserID)
	if errors.Is(err, auth.ErrNotFound) || err == nil && user.CredentialsVersion != kept.CredentialsVersion {
		return Proof{}, false, wrongChallenge
	}
	if err != nil {
		return Proof{}, false, err
	}
	if a.EmailCode != nil && user.HasSecondFactor() {
		return Proof{}, false, mailNotEnough
	}
	p, err = f.check(ctx, user, nil, a)
	if err != nil {
		return Proof{}, false, err
	}
	p.methods = slices.Concat(kept.Methods, p.methods)
	p.counted = true
	spend := p.spend
	p.spend = func(ctx context.Context, tx *transaction.Tx) error {
		if err := try.Take(ctx, tx, c); err != nil {
			return err
		}
		return spend(ctx, tx)
	}
	return p, kept.Compromised, nil
}

// Confirm checks a factor of the user of a session, or a code that was mailed to them.
func (f *Factors) Confirm(ctx context.Context, by *auth.Viewer, a Answer) (Proof, error) {
	if !a.isOne() {
		return Proof{}, oneAnswer
	}
	return f.check(ctx, &by.User, by, a)
}

// check checks a factor of a user, once the attempt is counted. A wrong one is recorded. The error of everything that is
// wrong has auth.CodeInvalidCredentials and the kind of the factor.
//
// The attempts with a passkey are not counted, because nobody can guess a signature.
func (f *Factors) check(ctx context.Context, user *auth.User, by *auth.Viewer, a Answer) (Proof, error) {
	switch {
	case a.Passkey != nil:
		return f.ownPasskey(ctx, user, by, *a.Passkey)
	case a.EmailCode != nil:
		return f.mailed.confirm(ctx, user, by, *a.EmailCode)
	}
	wrong := wrongTOTP
	if a.RecoveryCode != nil {
		wrong = wrongRecoveryCode
	}
	if err := f.checker.reserveAttempt(ctx, factorAttempts(user.ID)); err != nil {
		if errors.Is(err, auth.ErrNotFound) {
			return Proof{}, wrong
		}
		return Proof{}, err
	}
	factors, err := f.store.Factors(ctx, user.ID)
	if err != nil {
		return Proof{}, err
	}
	p := Proof{user: user, at: f.tx.Now(), counted: true}
	var right bool
	if a.TOTP != nil {
		p.methods = []auth.Method{auth.MethodTOTP}
		p.spend, right, err = f.totp(user, factors, *a.TOTP)
	} else {
		p.methods = []auth.Method{auth.MethodRecoveryCode}
		p.spend, right = f.recoveryCode(user, factors, *a.RecoveryCode)
	}
	switch {
	case err != nil:
		return Proof{}, err
	case !right:
		return Proof{}, f.fail(ctx, user, by, wrong)
	}
	return p, nil
}

// totp returns what uses a code up.
func (f *Factors) totp(user *auth.User, factors []auth.Factor, code string) (spend func(context.Context, *transaction.Tx) error, right bool, err error) {
	i := slices.IndexFunc(factors, func(f auth.Factor) bool { return f.Kind == auth.CredentialTOTP })
	if i < 0 {
		return nil, false, nil
	}
	found := &factors[i]
	seed, err := f.OpenSeed(user.ID, found.Secret)
	if err != nil {
		return nil, false, err
	}
	step, right := seed.Step(code, f.tx.Now(), found.Counter)
	if !right {
		return nil, false, nil
	}
	return func(ctx context.Context, tx *transaction.Tx) error {
		used, err := tx.UseFactor(ctx, auth.FactorUse{ID: found.ID, Was: found.Counter, Counter: step, Details: found.Details, At: tx.Now})
		if err == nil && !used {
			err = wrongTOTP // another request has used the code or a later one
		}
		return err
	}, true, nil
}

// recoveryCode returns what uses a code up.
func (*Factors) recoveryCode(user *auth.User, factors []auth.Factor, code string) (spend func(context.Context, *transaction.Tx) error, right bool) {
	key := RecoveryCodeKey(user.ID, code)
	if !slices.ContainsFunc(factors, func(f auth.Factor) bool { return f.Kind == auth.CredentialRecoveryCode && f.Key == key }) {
		return nil, false
	}
	return func(ctx context.Context, tx *transaction.Tx) error {
		taken, err := tx.TakeRecoveryCode(ctx, user.ID, key)
		if err == nil && !taken {
			err = wrongRecoveryCode
		}
		if err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventRecoveryCodeUsed, UserID: &user.ID})
	}, true
}

// fail records that a factor of a user was wrong, and returns the error that says so.
func (f *Factors) fail(ctx context.Context, user *auth.User, by *auth.Viewer, wrong *auth.Error) error {
	err := f.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		event := auth.AuditEvent{Kind: auth.EventFactorFailed, UserID: &user.ID}
		if by != nil {
			event.ActorID, event.SessionID = &by.User.ID, &by.Session.ID
		}
		return tx.Record(ctx, event)
	})
	if err != nil {
		return fmt.Errorf("record wrong factor: %w", err)
	}
	return wrong
}

// RemoveFactors removes all factors of a user, and reports whether there were any.
func RemoveFactors(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) (removed bool, err error) {
	for _, r := range []auth.FactorRemoval{
		{Kind: auth.CredentialTOTP, Methods: []auth.Method{auth.MethodTOTP}},
		{Kind: auth.CredentialPasskey, Methods: []auth.Method{auth.MethodPasskey, auth.MethodPasskeyPresence}},
		{Kind: auth.CredentialRecoveryCode, Methods: []auth.Method{auth.MethodRecoveryCode}},
	} {
		r.At = tx.Now
		n, err := tx.RemoveFactors(ctx, userID, r)
		if err != nil {
			return false, err
		}
		removed = removed || n > 0
	}
	return removed, nil
}

// SealSeed encrypts the seed of a user's authenticator app, and OpenSeed decrypts it.
func (f *Factors) SealSeed(userID uuid.UUID, seed totp.Seed) string {
	return base64.RawStdEncoding.EncodeToString(f.seeds.Encrypt(seed, userID[:]))
}

// OpenSeed decrypts what SealSeed has encrypted.
func (f *Factors) OpenSeed(userID uuid.UUID, sealed string) (totp.Seed, error) {
	text, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return nil, errors.New("open TOTP seed: not base64")
	}
	seed, err := f.seeds.Decrypt(text, userID[:])
	if err != nil {
		return nil, fmt.Errorf("open TOTP seed: %w", err)
	}
	return seed, nil
}

// ResealSeed encrypts a seed with the current secret, and reports whether that was needed.
func (f *Factors) ResealSeed(userID uuid.UUID, sealed string) (string, bool) {
	text, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil {
		return "", false
	}
	again, ok := f.seeds.Reseal(text, userID[:])
	return base64.RawStdEncoding.EncodeToString(again), ok
}
