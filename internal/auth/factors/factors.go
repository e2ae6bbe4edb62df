// Package factors owns what users do with their second factors: setting them up and removing them. Package proof checks
// them.
package factors

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// Store is what a Service reads outside of transactions.
type Store interface {
	Factors(ctx context.Context, userID uuid.UUID) ([]auth.Factor, error)
	Seeds(ctx context.Context, after uuid.UUID, limit int) ([]auth.Factor, error)
	ResealFactor(ctx context.Context, id uuid.UUID, from, to string) (bool, error)
}

// Options are what a Service needs. All are required.
type Options struct {
	Store  Store
	Access *access.Service
	Proofs *proof.Factors
	// Identities knows which identities sign users in.
	Identities *proof.Identities
	Outbox     *mailing.Outbox
	Tx         *transaction.Runner
	// App is the name of the service in authenticator apps.
	App string
	// Required says who must set up a second factor.
	Required auth.FactorPolicy
}

// Service serves users who set up and remove factors. It is safe for concurrent use.
type Service struct {
	store      Store
	access     *access.Service
	proofs     *proof.Factors
	identities *proof.Identities
	outbox     *mailing.Outbox
	tx         *transaction.Runner
	app        string
	policy     auth.FactorPolicy
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{store: o.Store, access: o.Access, proofs: o.Proofs, identities: o.Identities, outbox: o.Outbox, tx: o.Tx, app: o.App, policy: o.Required}
}

// Factor is a factor as its owner and administrators may see it. All recovery codes together are one.
type Factor struct {
	ID         uuid.UUID
	Method     auth.AuthMethod
	Name       *string
	CreatedAt  time.Time
	LastUsedAt *time.Time
	// Remaining is how many recovery codes are left; nil for other factors.
	Remaining *int
	// CredentialID and UserHandle are how browsers know a passkey and its user (base64url); nil for other factors.
	CredentialID, UserHandle *string
}

var methods = map[auth.CredentialKind]auth.AuthMethod{
	auth.CredentialTOTP: auth.AuthMethodTOTP, auth.CredentialPasskey: auth.AuthMethodPasskey,
	auth.CredentialRecoveryCode: auth.AuthMethodRecoveryCode,
}

// of returns a factor that is no recovery code.
func of(f *auth.Factor) (*Factor, error) {
	shown := &Factor{ID: f.ID, Method: methods[f.Kind], Name: f.Name, CreatedAt: f.CreatedAt, LastUsedAt: f.LastUsedAt}
	if f.Kind == auth.CredentialPasskey {
		stored, err := proof.OpenPasskey(f)
		if err != nil {
			return nil, err
		}
		shown.CredentialID = new(base64.RawURLEncoding.EncodeToString(stored.Credential.ID))
		shown.UserHandle = new(base64.RawURLEncoding.EncodeToString(stored.Handle))
	}
	return shown, nil
}

// Of lists the factors of a user, the oldest first, and the recovery codes last. Only the user and administrators may call
// it. Users without factors cost no statement.
func (s *Service) Of(ctx context.Context, u *auth.User) ([]Factor, error) {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != u.ID && !viewer.User.IsAdmin() {
		return nil, auth.ErrForbidden
	}
	found := []Factor{}
	if len(u.Factors) == 0 {
		return found, nil
	}
	stored, err := s.store.Factors(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	var codes *Factor
	for _, f := range stored {
		switch f.Kind {
		case auth.CredentialRecoveryCode:
			if codes == nil {
				codes = &Factor{ID: f.ID, Method: auth.AuthMethodRecoveryCode, CreatedAt: f.CreatedAt, Remaining: new(0)}
			}
			*codes.Remaining++
		case auth.CredentialTOTP, auth.CredentialPasskey:
			shown, err := of(&f)
			if err != nil {
				return nil, err
			}
			found = append(found, *shown)
		}
	}
	if codes != nil {
		found = append(found, *codes)
	}
	return found, nil
}

// Due returns until when a user has time to set up a second factor; nil if they need none, or if their time has not started.
func (s *Service) Due(u *auth.User) *time.Time { return s.policy.Due(u, s.tx.Now()) }

// added stores a new factor of the user of a transaction, with recovery codes if they have none, and tells them. It returns
// the codes.
func (s *Service) added(ctx context.Context, tx *transaction.Tx, f auth.Factor) (codes []string, err error) {
	u := &tx.Viewer.User
	all := []auth.Factor{f}
	if !u.HasFactor(auth.CredentialRecoveryCode) {
		var stored []auth.Factor
		if codes, stored, err = proof.NewRecoveryCodes(tx, s.tx.Rand(), u.ID); err != nil {
			return nil, err
		}
		all = append(all, stored...)
	}
	if err := tx.AddFactors(ctx, u.ID, all); err != nil {
		return nil, err
	}
	if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailFactorAdded)); err != nil {
		return nil, err
	}
	return codes, tx.RecordSession(ctx, auth.EventFactorAdded, tx.Viewer)
}

// remove removes factors of the user of a transaction and tells them. With the last factor the recovery codes go too.
// Nothing happens if there is none.
func (s *Service) remove(ctx context.Context, tx *transaction.Tx, r auth.FactorRemoval) error {
	u := &tx.Viewer.User
	r.At = tx.Now
	n, err := tx.RemoveFactors(ctx, u.ID, r)
	if err != nil || n == 0 {
		return err
	}
	left, err := tx.User(ctx, u.ID)
	if err == nil && !left.HasSecondFactor() {
		_, err = tx.RemoveFactors(ctx, u.ID, auth.FactorRemoval{
			Kind: auth.CredentialRecoveryCode, Methods: []auth.Method{auth.MethodRecoveryCode}, At: tx.Now,
		})
	}
	if err != nil {
		return err
	}
	if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailFactorRemoved)); err != nil {
		return err
	}
	return tx.RecordSession(ctx, auth.EventFactorRemoved, tx.Viewer)
}

// account is what an authenticator app shows of a user.
func account(u *auth.User) string {
	for _, name := range []*string{u.Email, u.Username} {
		if name != nil {
			return *name
		}
	}
	return u.ID.String()
}
