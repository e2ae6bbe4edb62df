package proof

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/big"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/seal"
)

const (
	// codeLifetime and codeTries limit guesses of a code, which has a million values (NIST SP 800-63B-4 §3.1.3.2).
	codeLifetime = 10 * time.Minute
	codeTries    = 5
	codeDigits   = 6
	// tokenBytes is the length of a token, which nobody can guess.
	tokenBytes = 32
)

// tokenLifetimes say how long a token is valid.
var tokenLifetimes = map[auth.MailPurpose]time.Duration{
	auth.PurposeVerifyEmail:   24 * time.Hour,
	auth.PurposeResetPassword: time.Hour,
	auth.PurposeLogin:         loginMailLifetime,
	auth.PurposeChangeEmail:   changeLifetime,
	// A change can be undone for a week, even if the mail that confirms it waits for an hour until it is prepared, and the
	// change is confirmed at the last moment.
	auth.PurposeUndoEmailChange: time.Hour + changeLifetime + 7*24*time.Hour,
	auth.PurposeSignUp:          24 * time.Hour,
	auth.PurposeInvitation:      7 * 24 * time.Hour,
}

const changeLifetime = 24 * time.Hour

// Lifetime returns how long a token for a purpose is valid.
func Lifetime(p auth.MailPurpose) time.Duration { return tokenLifetimes[p] }

// withoutCode are the purposes whose mails have no code.
var withoutCode = map[auth.MailPurpose]bool{auth.PurposeUndoEmailChange: true, auth.PurposeInvitation: true}

// Mailed issues and redeems the secrets that are mailed. Nothing else can make a Redeemed. It is safe for concurrent
// use.
type Mailed struct {
	codes seal.Key
	tx    *transaction.Runner
}

// NewMailed returns a Mailed. It derives the key of codes from the server's secret.
func NewMailed(secrets *seal.Secrets, tx *transaction.Runner) (*Mailed, error) {
	codes, err := seal.NewKey(secrets, "usher mailed code")
	if err != nil {
		return nil, err
	}
	return &Mailed{codes: codes, tx: tx}, nil
}

// Secret describes a secret to issue.
type Secret struct {
	Purpose auth.MailPurpose
	// User is the account; nil without one.
	User *uuid.UUID
	// Email is where the secret is mailed.
	Email identity.Name
	// Subject distinguishes the secrets of a purpose. A newer secret replaces the older one of its subject. Empty means
	// the user, or else the address.
	Subject string
	// Flow is what the request for the secret has returned: the code is valid together with it only. Empty means that
	// the code is valid with the address. A reset has no code then: everybody knows the address.
	Flow string
	// Decoy makes a secret that no token and no code redeems, so that codes cost the same where there is nothing to
	// redeem.
	Decoy bool
	// Details is JSON of the purpose.
	Details string
}

// Issued is a secret that was issued. It is for the mail only.
type Issued struct {
	Token, Code              string
	ExpiresAt, CodeExpiresAt time.Time
}

// Issue makes a secret in a transaction and stores its digests. It replaces the older one of its purpose and subject.
func (m *Mailed) Issue(ctx context.Context, tx *transaction.Tx, s Secret) (Issued, error) {
	fail := func(err error) (Issued, error) { return Issued{}, fmt.Errorf("issue mailed secret: %w", err) }
	token, err := NewToken(m.tx.Rand())
	if err != nil {
		return fail(err)
	}
	issued := Issued{Token: token, ExpiresAt: tx.Now.Add(tokenLifetimes[s.Purpose])}
	stored := &auth.MailedSecret{
		Purpose: s.Purpose, Subject: s.Subject, UserID: s.User, Address: s.Email.Display, AddressKey: s.Email.Key,
		TokenDigest: digest(token), Details: s.Details, CreatedAt: tx.Now, ExpiresAt: issued.ExpiresAt,
	}
	if stored.ID, err = m.tx.NewID(); err != nil {
		return fail(err)
	}
	switch {
	case stored.Subject != "":
	case s.User != nil:
		stored.Subject = s.User.String()
	default:
		stored.Subject = s.Email.Key
	}
	if !withoutCode[s.Purpose] && (s.Purpose != auth.PurposeResetPassword || s.Flow != "") {
		if issued.Code, err = newCode(m.tx.Rand()); err != nil {
			return fail(err)
		}
		issued.CodeExpiresAt = tx.Now.Add(codeLifetime)
		stored.CodeDigest, stored.CodeExpiresAt = m.codeDigest(stored.ID, issued.Code), &issued.CodeExpiresAt
		if s.Flow != "" {
			stored.FlowDigest = digest(s.Flow)
		}
	}
	if s.Decoy {
		stored.CodeDigest = digest(token) // which is the digest of no code
	}
	if err := tx.ReplaceMailedSecret(ctx, stored); err != nil {
		return fail(err)
	}
	if s.Decoy {
		return Issued{}, nil
	}
	return issued, nil
}

// Forget makes all mailed secrets of a user invalid, because their password or address changes. A link that undoes a
// change of the address stays valid: otherwise a thief could kill it by changing the password.
func Forget(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) error {
	return tx.DeleteMailedSecrets(ctx, userID, auth.PurposeVerifyEmail, auth.PurposeResetPassword, auth.PurposeLogin, auth.PurposeChangeEmail)
}

// Presented is what a reader of a mail presents: the token, or the code together with the flow or the
// address that it belongs to.
type Presented struct {
	Token, Code *string
	// Flow is for codes that have one.
	Flow string
	// Email is the address that other codes belong to.
	Email string
	// By is the session that presents it; nil for nobody's. It must still be valid.
	By *auth.Viewer
}

// Check returns an error if something is missing.
func (p Presented) Check() error {
	if (p.Token == nil) == (p.Code == nil) {
		return auth.BadInput(auth.FieldError{Field: "input", Code: auth.InputRequired, Message: "Give either the token or the code."})
	}
	return nil
}

// Redeemed is a secret that was presented and is used up. It is valid in its transaction only.
type Redeemed struct {
	*auth.MailedSecret
	// User is the account of the secret as the transaction has read it, locked; nil without one.
	User *auth.User
}

// Redeem runs f in a transaction with the secret that is presented, for one of the purposes. A code is for the first of
// them. The secret is used up with the transaction: of many at once, one succeeds, and if f fails, the secret stays valid.
// A wrong code is counted and recorded. The error of a secret that is not valid is CodeBadUserInput.
func (m *Mailed) Redeem(
	ctx context.Context, p Presented, purposes []auth.MailPurpose, f func(ctx context.Context, tx *transaction.Tx, r *Redeemed) error,
) error {
	if err := p.Check(); err != nil {
		return err
	}
	who := transaction.Nobody
	if p.By != nil {
		who = transaction.InSession(p.By)
	}
	var ofCode, tried *auth.MailedSecret
	if p.Code != nil {
		var err error
		if ofCode, err = m.byCode(ctx, who, p, purposes[0]); err != nil {
			return err
		}
	}
	err := m.tx.Run(ctx, who, func(ctx context.Context, tx *transaction.Tx) (err error) {
		r := &Redeemed{MailedSecret: ofCode}
		if ofCode == nil {
			if r.MailedSecret, err = byToken(ctx, tx, *p.Token, purposes); err != nil {
				return err
			}
		}
		tried = r.MailedSecret
		if err := r.use(ctx, tx); err != nil {
			return err
		}
		return f(ctx, tx, r)
	})
	switch {
	case errors.Is(err, errDisabled):
		return m.refuseDisabled(ctx, tried.UserID)
	case !errors.Is(err, ErrNotValid):
		return err
	case p.Code != nil:
		return wrongCode
	default:
		return wrongToken
	}
}

// Address returns the address that a token was mailed to, without using the token up. The errors are those of Redeem.
func (m *Mailed) Address(ctx context.Context, token string, purposes []auth.MailPurpose) (address string, err error) {
	err = m.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		s, err := byToken(ctx, tx, token, purposes)
		if err == nil {
			address = s.Address
		}
		return err
	})
	if errors.Is(err, ErrNotValid) {
		err = wrongToken
	}
	return address, err
}

// ErrRevoked says that a secret is no longer valid, although nobody has used it. Redeem turns it into the error of a
// secret that is not valid.
var ErrRevoked = fmt.Errorf("revoked: %w", ErrNotValid)

// ErrNotValid says that there is no such secret, or that it is no longer valid. Redeem translates it.
var ErrNotValid = errors.New("not a valid mailed secret")

// The errors of secrets that are not valid. They do not say whether there is an account.
var (
	wrongToken = auth.BadInput(auth.FieldError{
		Field: "token", Code: auth.InputIncorrect, Message: "This link is invalid or was used. Request a new one.",
	})
	expiredToken = auth.BadInput(auth.FieldError{
		Field: "token", Code: auth.InputExpired, Message: "This link has expired. Request a new one.",
	})
	wrongCode = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputIncorrect, Message: "The code is wrong or no longer valid. Check it, or request a new one.",
	})
)

func byToken(ctx context.Context, tx *transaction.Tx, token string, purposes []auth.MailPurpose) (*auth.MailedSecret, error) {
	s, err := tx.MailedSecret(ctx, digest(token))
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil, ErrNotValid
	case err != nil:
		return nil, err
	}
	for _, purpose := range purposes {
		if s.Purpose != purpose {
			continue
		}
		if !tx.Now.Before(s.ExpiresAt) {
			return nil, expiredToken
		}
		return s, nil
	}
	return nil, ErrNotValid
}

// errRightCode rolls the count of a try back, because the code is right.
var errRightCode = errors.New("the code is right")

// byCode returns the secret of a code. The error of a wrong code is wrongCode, once the try is counted and recorded. The
// statements are the same whether there is a secret or not. A right code does not count: otherwise the secret would not
// stay valid if something else is wrong.
//
// This is a transaction of its own, because it locks the secret, and the one that uses the secret locks the user first.
func (m *Mailed) byCode(
	ctx context.Context, who transaction.Actor, p Presented, purpose auth.MailPurpose,
) (found *auth.MailedSecret, err error) {
	try := auth.CodeTry{Purpose: purpose}
	if p.Flow != "" {
		try.FlowDigest = digest(p.Flow)
	} else if email, _, ok := identity.ParseIdentifier(p.Email); ok {
		try.AddressKey = email.Key
	} else {
		try.AddressKey = "invalid" // which no address has as its key
	}
	err = m.tx.Run(ctx, who, func(ctx context.Context, tx *transaction.Tx) error {
		s, err := tx.CountCodeTry(ctx, try, codeTries, tx.Now)
		if errors.Is(err, auth.ErrNotFound) {
			s, err = &auth.MailedSecret{}, nil
		}
		if err != nil {
			return err
		}
		if m.codes.Verify(s.ID.String(), []byte(*p.Code), s.CodeDigest) {
			found = s
			return errRightCode
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventMailedCodeFailed, UserID: s.UserID})
	})
	switch {
	case errors.Is(err, errRightCode):
		return found, nil
	case err != nil:
		return nil, err
	default:
		return nil, wrongCode
	}
}

// ofAddress are the purposes of secrets that are mailed to the address of the account.
var ofAddress = map[auth.MailPurpose]bool{auth.PurposeVerifyEmail: true, auth.PurposeResetPassword: true, auth.PurposeLogin: true}

// use locks the account of the secret, takes the secret and reads the account.
func (r *Redeemed) use(ctx context.Context, tx *transaction.Tx) error {
	if r.UserID != nil {
		enabled, err := tx.LockUser(ctx, *r.UserID)
		if err != nil {
			return err
		}
		if !enabled {
			return r.whyNotEnabled(ctx, tx)
		}
	}
	taken, err := tx.TakeMailedSecret(ctx, r.ID, r.TokenDigest, tx.Now)
	if err != nil {
		return err
	}
	if !taken {
		return ErrNotValid
	}
	if r.UserID == nil {
		return nil
	}
	if r.User, err = tx.User(ctx, *r.UserID); err != nil {
		return err
	}
	if !ofAddress[r.Purpose] {
		return nil
	}
	if email, ok := r.User.EmailName(); !ok || email.Key != r.AddressKey {
		return ErrNotValid
	}
	return nil
}

// methodsOf are the methods that a user has used who has redeemed a secret: the password that they have set with it, or the
// secret itself.
var methodsOf = map[auth.MailPurpose]auth.Method{
	auth.PurposeResetPassword: auth.MethodPassword, auth.PurposeLogin: auth.MethodEmailCode,
}

// Proof says that the user of the secret has authenticated. Call it after the last change of the account in the
// transaction.
func (r *Redeemed) Proof(ctx context.Context, tx *transaction.Tx) (Proof, error) {
	method, ok := methodsOf[r.Purpose]
	if r.UserID == nil || !ok {
		return Proof{}, errors.New("the secret signs nobody in")
	}
	user, err := tx.User(ctx, *r.UserID)
	if err != nil {
		return Proof{}, err
	}
	return Proof{user: user, methods: []auth.Method{method}, at: tx.Now}, nil
}

// NewToken returns a random text for URLs that nobody can guess.
func NewToken(random io.Reader) (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(secret), nil
}

func newCode(random io.Reader) (string, error) {
	n, err := rand.Int(random, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", codeDigits, n), nil
}

func digest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// codeDigest depends on the server's key, because all codes could be tried on a plain digest.
func (m *Mailed) codeDigest(id uuid.UUID, code string) []byte {
	return m.codes.Digest(id.String(), []byte(code))
}
