package auth_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
)

const wrongFlow = "BAD_USER_INPUT flow=INCORRECT"

// requestLoginCode requests a sign-in by mail and returns its flow.
func (f *fixture) requestLoginCode(t testing.TB, email string) string {
	t.Helper()
	p, err := f.RequestLoginCode(t.Context(), recovery.RequestLoginCodeInput{Email: email})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Flow) != 43 { // 256 bits
		t.Fatalf("the flow is %q", p.Flow)
	}
	return p.Flow
}

// loginMail requests a sign-in for ada, and returns the mail and the flow.
func (f *fixture) loginMail(t testing.TB) (m mail.Message, flow string) {
	t.Helper()
	flow = f.requestLoginCode(t, adaAddress)
	return f.NewMail(t, "login-code", adaAddress), flow
}

func loginByLink(token, flow string) signin.LoginWithCodeInput {
	return signin.LoginWithCodeInput{Token: &token, Flow: &flow}
}

func loginByCode(email, code string) signin.LoginWithCodeInput {
	return signin.LoginWithCodeInput{Email: &email, Code: &code}
}

// tryLoginWithCode returns the code of the error.
func (f *fixture) tryLoginWithCode(ctx context.Context, in signin.LoginWithCodeInput) string {
	_, err := f.LoginWithCode(ctx, in)
	return authtest.Code(err)
}

// verifiedAda creates ada, whose address is verified.
func (f *fixture) verifiedAda(t *testing.T) *signin.AuthPayload {
	t.Helper()
	ada := f.signupEmail(t, "ada", adaAddress)
	f.markVerified(t, ada.User.ID)
	return ada
}

const recoveryCode = "AAAA-BBBB-CCCC-DDDD"

// addFactor gives a user a factor of a kind and a recovery code, past the domain.
func (f *fixture) addFactor(t *testing.T, user uuid.UUID, kind auth.CredentialKind) {
	t.Helper()
	now := f.Clock.Now().Truncate(time.Microsecond)
	key := ""
	if kind == auth.CredentialPasskey {
		key = uuid.NewString()
	}
	err := f.Store.AddFactors(t.Context(), user, []auth.Factor{
		{ID: uuid.New(), UserID: user, Kind: kind, Key: key, Secret: "x", CreatedAt: now, UpdatedAt: now},
		{
			ID: uuid.New(), UserID: user, Kind: auth.CredentialRecoveryCode, Key: proof.RecoveryCodeKey(user, recoveryCode), Secret: "sha256",
			CreatedAt: now, UpdatedAt: now,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
}
