package identities

import (
	"context"
	"errors"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
	"usher/internal/identity"
)

// CompleteProviderLoginInput is the input of CompleteProviderLogin.
type CompleteProviderLoginInput struct {
	// Code is from the URL to which the provider's answer has led.
	Code string
	By   Continuer
	SignIn
}

// SignIn says where a sign-in happens.
type SignIn struct {
	// BindBrowser lets only the browser complete a sign-in with a second factor that began it.
	BindBrowser bool
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// CompleteProviderLogin signs a user in with an identity that a provider has confirmed. One that nobody has linked gets a new
// account, if the server and the provider let people sign up. A user with a second factor has CodeSecondFactorRequired, as in
// Login. Until somebody is signed in or asked for a second factor, the code stays valid.
//
// An account is never found by its address, with one exception: the settings say so, and both the provider and Usher have
// verified the address. Otherwise the error is CodeIdentityNotLinked if an account has the address.
func (s *Service) CompleteProviderLogin(ctx context.Context, in CompleteProviderLoginInput) (*sessions.Tokens, error) {
	proved, err := s.proofs.Present(ctx, transaction.Nobody, in.Code, in.By)
	var tokens *sessions.Tokens
	if err == nil {
		tokens, err = s.login(ctx, proved, in.SignIn)
	}
	s.tx.Meter().CountSignIn(auth.SignInProvider, auth.SignInOutcome(err))
	return tokens, err
}

// LoginWithIDTokenInput is the input of LoginWithIDToken.
type LoginWithIDTokenInput struct {
	// Provider is the id of the provider that has issued the token.
	Provider, IDToken string
	// Nonce is what the program has made for the token, which has it or its SHA-256 digest in hexadecimal.
	Nonce string
	SignIn
}

// LoginWithIDToken signs a user in with an ID token that a program got from a provider, as CompleteProviderLogin does.
func (s *Service) LoginWithIDToken(ctx context.Context, in LoginWithIDTokenInput) (*sessions.Tokens, error) {
	proved, err := s.proofs.IDToken(ctx, in.Provider, in.IDToken, in.Nonce)
	var tokens *sessions.Tokens
	if err == nil {
		tokens, err = s.login(ctx, proved, in.SignIn)
	}
	s.tx.Meter().CountSignIn(auth.SignInProvider, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) login(ctx context.Context, p *proof.Proved, in SignIn) (*sessions.Tokens, error) {
	owner, err := s.proofs.Holder(ctx, p)
	if errors.Is(err, auth.ErrNotFound) {
		tokens, failed := s.loginNew(ctx, p, in)
		taken := errors.Is(failed, notLinked) || errors.Is(failed, auth.ErrFactorTaken) || errors.Is(failed, auth.ErrEmailTaken)
		if !taken {
			return tokens, failed
		}
		// Somebody may have linked the identity meanwhile: the same user, with another request.
		if owner, err = s.proofs.Holder(ctx, p); errors.Is(err, auth.ErrNotFound) {
			return nil, notLinked
		}
	}
	if err != nil {
		return nil, err
	}
	return s.sessions.LoginProved(ctx, owner, in.Replaces, in.BindBrowser)
}

// loginNew signs a user in with an identity that nobody has linked: of a new account, or of the one that has its address.
func (s *Service) loginNew(ctx context.Context, p *proof.Proved, in SignIn) (*sessions.Tokens, error) {
	email, hasEmail := emailOf(p)
	verified := hasEmail && p.EmailVerified && p.Provider.TrustsEmail()
	refusal := s.signupRefusal(p, verified)
	// Only somebody who has verified an address learns whether an account has it, except where signup tells everybody.
	if refusal != nil && !verified {
		return nil, refusal
	}
	var made *accounts.Made
	if refusal == nil {
		var err error
		if made, err = s.make(ctx, p); err != nil {
			return nil, err
		}
	}
	var started *sessions.Started
	err := s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		started = nil
		if hasEmail {
			holder, _, err := tx.PasswordByEmail(ctx, email.Key)
			switch {
			case errors.Is(err, auth.ErrNotFound):
			case err != nil:
				return err
			case verified && p.Provider.LinksByEmail() && s.linkable(holder):
				started, err = s.linkByEmail(ctx, tx, p, holder, email, in)
				return err
			case !verified || holder.HasVerifiedEmail():
				return notLinked
			}
		}
		if refusal != nil {
			return refusal
		}
		if verified && hasEmail {
			// An account that only claims the address must not be in its owner's way.
			if err := s.maker.ReleaseEmail(ctx, tx, email.Key, made.Account.ID); errors.Is(err, accounts.ErrEmailHeld) {
				return notLinked
			} else if err != nil {
				return err
			}
			made.Account.EmailVerifiedAt = &tx.Now
		}
		owner, err := proof.EnrollIdentity(ctx, tx, made.Account, p)
		if err != nil {
			return err
		}
		if started, err = s.sessions.Start(ctx, tx, owner, in.Replaces); err != nil {
			return err
		}
		return s.record(ctx, tx, auth.EventSignup, started)
	})
	if err != nil {
		return nil, err
	}
	return s.sessions.TokensOf(ctx, started)
}

// signupRefusal returns why an identity gets no new account; nil if it does.
func (s *Service) signupRefusal(p *proof.Proved, verified bool) error {
	if !p.Provider.AllowsSignup() {
		return &auth.Error{Code: auth.CodeSignupClosed}
	}
	if verified {
		return s.signup.CheckRequest()
	}
	return s.signup.CheckSignup()
}

// emailOf returns the address of an identity, if an account can have it.
func emailOf(p *proof.Proved) (identity.Name, bool) {
	if p.Email == "" {
		return identity.Name{}, false
	}
	name, err := identity.ParseEmail(p.Email)
	return name, err == nil
}

// make returns an account for an identity. What the provider says of its user and Usher does not accept is left out. An
// account without an address gets a user name, which its user can change.
func (s *Service) make(ctx context.Context, p *proof.Proved) (*accounts.Made, error) {
	in := accounts.Input{NoPassword: true}
	if email, ok := emailOf(p); ok {
		in.Email = &email.Display
	} else {
		id, err := s.tx.NewID()
		if err != nil {
			return nil, err
		}
		in.Username = new("user-" + id.String())
	}
	if _, err := auth.ParseFullName(p.Name); err == nil && p.Name != "" {
		in.FullName = &p.Name
	}
	if locale, err := auth.ParseLocale(p.Locale); err == nil && p.Locale != "" {
		in.Locale = locale
	}
	return s.maker.Make(ctx, in, []auth.Role{auth.RoleUser})
}

// linkable reports whether an account may be found by the address of an identity. Two factors, and a mailed code beside the
// password, protect others better than an address at a provider does. Administrators link their identities themselves, and a
// disabled account tells nobody that it exists.
func (s *Service) linkable(u *auth.User) bool {
	return u.HasVerifiedEmail() && !u.HasSecondFactor() && !s.access.AsksMailedCode(u) && !u.IsAdmin() && u.DisabledAt == nil
}

// linkByEmail links an identity to the account that has verified the same address, and signs its user in.
func (s *Service) linkByEmail(ctx context.Context, tx *transaction.Tx, p *proof.Proved, holder *auth.User, email identity.Name, in SignIn) (*sessions.Started, error) {
	if _, err := tx.LockUser(ctx, holder.ID); err != nil {
		return nil, err
	}
	holder, err := tx.User(ctx, holder.ID) // as it is with the lock
	if errors.Is(err, auth.ErrNotFound) {
		return nil, notLinked
	}
	if err != nil {
		return nil, err
	}
	if address, ok := holder.EmailName(); !ok || address.Key != email.Key || !s.linkable(holder) {
		return nil, notLinked
	}
	owner, err := p.Adopt(ctx, tx, holder.ID)
	if err != nil {
		return nil, err
	}
	if err := s.outbox.Notify(ctx, tx, holder, mailing.To(holder, auth.MailIdentityLinked)); err != nil {
		return nil, err
	}
	started, err := s.sessions.Start(ctx, tx, owner, in.Replaces)
	if err != nil {
		return nil, err
	}
	if err := s.record(ctx, tx, auth.EventIdentityLinked, started); err != nil {
		return nil, err
	}
	return started, s.record(ctx, tx, auth.EventLogin, started)
}

// record records an event of a user who has just signed in.
func (s *Service) record(ctx context.Context, tx *transaction.Tx, kind auth.AuditEventKind, started *sessions.Started) error {
	v := started.Viewer()
	return tx.Record(ctx, auth.AuditEvent{Kind: kind, ActorID: &v.User.ID, UserID: &v.User.ID, SessionID: &v.Session.ID})
}
