// Package identities owns sign-ins at providers, the accounts that begin with them, and what users do with their identities
// there. Package provider talks to the providers, and package proof checks what comes of it.
package identities

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
	"usher/internal/provider"
)

// Store is what a Service reads outside of transactions.
type Store interface {
	Factors(ctx context.Context, userID uuid.UUID) ([]auth.Factor, error)
}

// Options are what a Service needs. Proofs is nil where nobody signs in.
type Options struct {
	Store    Store
	Access   *access.Service
	Sessions *sessions.Service
	Maker    *accounts.Maker
	Proofs   *proof.Identities
	Outbox   *mailing.Outbox
	Tx       *transaction.Runner
	// Providers are what users can sign in with; nil for none.
	Providers *provider.Set
	// Signup says how people get an account.
	Signup auth.SignupMode
}

// Service serves users who sign in at providers. It is safe for concurrent use.
type Service struct {
	store     Store
	access    *access.Service
	sessions  *sessions.Service
	maker     *accounts.Maker
	proofs    *proof.Identities
	outbox    *mailing.Outbox
	tx        *transaction.Runner
	providers *provider.Set
	signup    auth.SignupMode
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, access: o.Access, sessions: o.Sessions, maker: o.Maker, proofs: o.Proofs, outbox: o.Outbox, tx: o.Tx,
		providers: o.Providers, signup: o.Signup,
	}
}

// Providers lists what users can sign in with, in the order of the settings.
func (s *Service) Providers() []auth.Provider {
	list := []auth.Provider{}
	for _, p := range s.providers.All() {
		list = append(list, auth.Provider{ID: p.ID(), Name: p.Name()})
	}
	return list
}

// The types of a sign-in at a provider.
type (
	// ProviderLogin describes one that begins.
	ProviderLogin = proof.ProviderLogin
	// ProviderAnswer is what the browser brings back.
	ProviderAnswer = proof.ProviderAnswer
	// Outcome is how it has ended.
	Outcome = proof.Outcome
	// Continuer is what the client that continues it presents.
	Continuer = proof.Continuer
)

// The errors of answers of providers.
var (
	ErrNoRequest = proof.ErrNoRequest
	ErrDenied    = proof.ErrDenied
)

// BeginProviderLogin sends a browser to a provider. The result serves to sign in, and to link an identity.
func (s *Service) BeginProviderLogin(ctx context.Context, in ProviderLogin) (*auth.ProviderRedirect, error) {
	return s.proofs.Begin(ctx, in)
}

// ReceiveAnswer takes the answer of a provider. The error is ErrNoRequest for one that this browser has not asked for.
func (s *Service) ReceiveAnswer(ctx context.Context, a ProviderAnswer) (*Outcome, error) {
	return s.proofs.Receive(ctx, a)
}

// Of lists the identities of a user, the oldest first. Only the user and administrators may call it. Users without identities
// cost no statement.
func (s *Service) Of(ctx context.Context, u *auth.User) ([]auth.Identity, error) {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != u.ID && !viewer.User.IsAdmin() {
		return nil, auth.ErrForbidden
	}
	found := []auth.Identity{}
	if !u.HasFactor(auth.CredentialIdentity) {
		return found, nil
	}
	stored, err := s.store.Factors(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	for i := range stored {
		if stored[i].Kind != auth.CredentialIdentity {
			continue
		}
		shown, err := s.proofs.Shown(&stored[i])
		if err != nil {
			return nil, err
		}
		found = append(found, *shown)
	}
	return found, nil
}

// notLinked is the error of an identity whose address an account has. Its user has to sign in to that account first, and
// then to link the identity: otherwise whoever controls an address at a provider would get the account (OpenID Connect Core 1.0
// §5.7).
var notLinked = &auth.Error{Code: auth.CodeIdentityNotLinked}
