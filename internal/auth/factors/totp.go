package factors

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/totp"
)

const (
	// setupLifetime and setupTries limit how long and how often a set-up can be confirmed.
	setupLifetime = 10 * time.Minute
	setupTries    = 5
)

// BeginTotpSetupPayload answers BeginTotpSetup.
type BeginTotpSetupPayload struct {
	// OtpauthURI is for authenticator apps. It contains the key.
	OtpauthURI string
	// QRCodeSvg shows OtpauthURI.
	QRCodeSvg string
	// Key is the key alone, in base32, for people who type it.
	Key       string
	ExpiresAt time.Time
}

// BeginTotpSetup makes the key of an authenticator app for the signed-in user. Nothing changes until ConfirmTotpSetup. A
// second call makes the first key invalid. A user with an authenticator app has to remove it first.
func (s *Service) BeginTotpSetup(ctx context.Context) (*BeginTotpSetupPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	seed, err := totp.NewSeed(s.tx.Rand())
	if err != nil {
		return nil, fmt.Errorf("begin TOTP set-up: %w", err)
	}
	payload := &BeginTotpSetupPayload{OtpauthURI: seed.URI(s.app, account(&v.User)), Key: seed.Base32()}
	if payload.QRCodeSvg, err = totp.QRCodeSVG(payload.OtpauthURI); err != nil {
		return nil, fmt.Errorf("begin TOTP set-up: %w", err)
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		if tx.Viewer.User.HasFactor(auth.CredentialTOTP) {
			return hasTOTP
		}
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		payload.ExpiresAt = tx.Now.Add(setupLifetime)
		return tx.CreateCeremony(ctx, &auth.Ceremony{
			ID: id, Purpose: auth.CeremonyTOTPSetup, TokenDigest: totpTry(&v.Session).TokenDigest, UserID: &v.User.ID,
			Details: s.proofs.SealSeed(v.User.ID, seed), CreatedAt: tx.Now, ExpiresAt: payload.ExpiresAt,
		})
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}

// The errors of a set-up.
var (
	hasTOTP = auth.BadInput(auth.FieldError{
		Field: "totp", Code: auth.InputTaken, Message: "You have set up an authenticator app. Remove it first.",
	})
	noSetup = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputExpired, Message: "The set-up has expired. Start it again.",
	})
	wrongCode = auth.BadInput(auth.FieldError{
		Field: "code", Code: auth.InputIncorrect, Message: "The code is wrong. Enter the one that the app shows now.",
	})
)

// totpTry is the attempt to finish the set-up of a session, which has one at a time.
func totpTry(session *auth.Session) proof.Try {
	sum := sha256.Sum256([]byte("totp setup " + session.ID.String()))
	return proof.Try{Purpose: auth.CeremonyTOTPSetup, TokenDigest: sum[:], Most: setupTries, Expired: noSetup}
}

// ConfirmTotpSetupInput is the input of ConfirmTotpSetup.
type ConfirmTotpSetupInput struct {
	// Code is what the app shows.
	Code string
}

// ConfirmTotpSetupPayload answers ConfirmTotpSetup.
type ConfirmTotpSetupPayload struct {
	User *auth.User
	// RecoveryCodes are new; nil if the user has recovery codes.
	RecoveryCodes []string
}

// ConfirmTotpSetup sets the authenticator app up that BeginTotpSetup has prepared in this session, once it shows the right
// code. That code is used up. The user gets a mail, and recovery codes with their first factor.
func (s *Service) ConfirmTotpSetup(ctx context.Context, in ConfirmTotpSetupInput) (*ConfirmTotpSetupPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	try := totpTry(&v.Session)
	c, err := s.proofs.CountTry(ctx, transaction.InSession(v), try)
	if err != nil {
		return nil, err
	}
	seed, err := s.proofs.OpenSeed(v.User.ID, c.Details)
	if err != nil {
		return nil, err
	}
	step, ok := seed.Step(in.Code, s.tx.Now(), 0)
	if !ok {
		return nil, wrongCode
	}
	payload := &ConfirmTotpSetupPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		if err := try.Take(ctx, tx, c); err != nil {
			return err
		}
		id, err := tx.NewID()
		if err != nil {
			return err
		}
		payload.RecoveryCodes, err = s.added(ctx, tx, auth.Factor{
			ID: id, UserID: v.User.ID, Kind: auth.CredentialTOTP, Secret: c.Details, Counter: step, CreatedAt: tx.Now, UpdatedAt: tx.Now,
		})
		if errors.Is(err, auth.ErrFactorTaken) {
			return hasTOTP
		}
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
	payload.User = &v.User
	return payload, nil
}

// RemoveTotpPayload answers RemoveTotp.
type RemoveTotpPayload struct {
	User *auth.User
}

// RemoveTotp removes the authenticator app of the signed-in user. With the last factor the recovery codes go too. Sessions
// and access tokens no longer count it. The user gets a mail. Without an authenticator app nothing happens.
func (s *Service) RemoveTotp(ctx context.Context) (*RemoveTotpPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) (err error) {
		if err = s.remove(ctx, tx, auth.FactorRemoval{Kind: auth.CredentialTOTP, Methods: []auth.Method{auth.MethodTOTP}}); err != nil {
			return err
		}
		v, err = tx.Reread(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &RemoveTotpPayload{User: &v.User}, nil
}

// Reseal encrypts the seeds of authenticator apps with the current secret. It returns how many it has changed.
func (s *Service) Reseal(ctx context.Context) (changed int, err error) {
	var after uuid.UUID
	for {
		page, err := s.store.Seeds(ctx, after, resealBatch)
		if err != nil {
			return changed, fmt.Errorf("reseal TOTP seeds: %w", err)
		}
		for i := range page {
			after = page[i].ID
			sealed, ok := s.proofs.ResealSeed(page[i].UserID, page[i].Secret)
			if !ok {
				continue
			}
			ok, err := s.store.ResealFactor(ctx, page[i].ID, page[i].Secret, sealed)
			if err != nil {
				return changed, fmt.Errorf("reseal TOTP seed: %w", err)
			}
			if ok {
				changed++
			}
		}
		if len(page) < resealBatch {
			return changed, nil
		}
	}
}

// resealBatch is how many seeds Reseal reads at once.
const resealBatch = 100
