// Package storetest owns the conformance suite of auth.Store: what the domain requires of every database. Every
// Store must pass it.
package storetest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
)

// Run tests a Store. It runs the cases one after the other. Each case calls open for an empty Store.
func Run(t *testing.T, open func(t *testing.T) auth.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s auth.Store)
	}{
		{"Account/EveryColumn", accountEveryColumn},
		{"Account/NoValues", accountNoValues},
		{"Account/Text", accountText},
		{"Account/Times", accountTimes},
		{"Account/Roles", accountRoles},
		{"Account/NotFound", accountNotFound},
		{"Account/Taken", accountTaken},
		{"Account/TakenOfMany", accountTakenOfMany},
		{"Account/Refused", accountRefused},
		{"Credential/EveryColumn", credentialEveryColumn},
		{"Credential/NoPassword", credentialNoPassword},
		{"Credential/None", credentialNone},
		{"Credential/Refused", credentialRefused},
		{"Credential/RehashPassword", rehashPassword},
		{"Credential/SetPassword", setPassword},
		{"Credential/DeletePassword", deletePassword},
		{"Credential/Version", credentialsVersion},
		{"Account/SetDisabled", setDisabled},
		{"Account/SetProfile", setProfile},
		{"Account/SetFullNameKey", setFullNameKey},
		{"Account/SetRoles", setRoles},
		{"Account/SetUsername", setUsername},
		{"Account/SetEmail", setEmail},
		{"Account/SetNameOfMany", setNameOfMany},
		{"Account/SetDeletion", setDeletion},
		{"Account/Delete", deleteUser},
		{"Users/EveryColumn", usersEveryColumn},
		{"Users/Pages", usersPages},
		{"Users/Search", usersSearch},
		{"Users/Filters", usersFilters},
		{"Users/ByID", usersByID},
		{"Users/Count", countUsers},
		{"Role/BuiltIn", rolesBuiltIn},
		{"Role/EveryColumn", roleEveryColumn},
		{"Role/Refused", roleRefused},
		{"Role/Update", roleUpdate},
		{"Role/Delete", roleDelete},
		{"Role/PermissionsOf", permissionsOf},
		{"Administration/HasOtherAdmin", hasOtherAdmin},
		{"Administration/LastAdmin", lastAdmin},
		{"Session/EveryColumn", sessionEveryColumn},
		{"Session/NoValues", sessionNoValues},
		{"Session/NotFound", sessionNotFound},
		{"Session/Refused", sessionRefused},
		{"Session/ViewerOfMany", viewerOfMany},
		{"Session/End", endSession},
		{"Session/EndOfMany", endSessionOfMany},
		{"Session/RefreshState", refreshState},
		{"Session/Rotate", rotate},
		{"Session/RotateOfMany", rotateOfMany},
		{"Session/Advance", advance},
		{"Session/Replay", replay},
		{"Session/ReplayOfMany", replayOfMany},
		{"Session/Pages", sessionsPages},
		{"Session/EndMany", endMany},
		{"Session/Lock", lockSession},
		{"Session/LockAndEnd", lockSessionAndEnd},
		{"Session/RecordSignIn", recordSignIn},
		{"Session/RecordSignInAndDisable", recordSignInAndDisable},
		{"Session/RecordSignInAndSetPassword", recordSignInAndSetPassword},
		{"Sweep", sweep},
		{"Event/EveryColumn", eventColumns},
		{"Event/Refused", eventRefused},
		{"Event/Pages", eventPages},
		{"Event/Times", eventTimes},
		{"Event/Export", eventExport},
		{"Event/Sweep", eventSweep},
		{"Event/Count", countEvents},
		{"Attempts/Count", attemptsCount},
		{"Attempts/OfFactors", attemptsOfFactors},
		{"Attempts/Stale", attemptsStale},
		{"Attempts/OfMany", attemptsOfMany},
		{"Attempts/Kept", attemptsKept},
		{"Client/EveryColumn", clientEveryColumn},
		{"Client/Delete", clientDelete},
		{"Client/Refused", clientRefused},
		{"Client/Pages", clientPages},
		{"Factor/EveryColumn", factorEveryColumn},
		{"Factor/Taken", factorTaken},
		{"Factor/Use", factorUse},
		{"Factor/ByKey", factorByKey},
		{"Factor/Reseal", factorReseal},
		{"Factor/RecoveryCode", factorRecoveryCode},
		{"Factor/Remove", factorRemove},
		{"Factor/Due", factorDue},
		{"Ceremony/EveryColumn", ceremonyEveryColumn},
		{"Ceremony/Tries", ceremonyTries},
		{"Ceremony/Take", ceremonyTake},
		{"Ceremony/Sweep", ceremonySweep},
		{"MailedSecret/EveryColumn", secretEveryColumn},
		{"MailedSecret/Replace", secretReplace},
		{"MailedSecret/Refused", secretRefused},
		{"MailedSecret/Take", secretTake},
		{"MailedSecret/TakeOfMany", secretTakeOfMany},
		{"MailedSecret/CodeTries", codeTries},
		{"MailedSecret/CodeNewest", codeNewest},
		{"MailedSecret/CodeTriesOfMany", codeTriesOfMany},
		{"MailedSecret/Delete", secretDelete},
		{"MailedSecret/Sweep", secretSweep},
		{"MailedSecret/SweepOfMany", secretSweepOfMany},
		{"Mail/EveryColumn", mailEveryColumn},
		{"Mail/Refused", mailRefused},
		{"Mail/Update", mailUpdate},
		{"Mail/ClaimOfMany", mailClaimOfMany},
		{"Mail/Due", mailDue},
		{"Mail/Pages", mailPages},
		{"Mail/Count", mailCount},
		{"Mail/Backlog", mailBacklog},
		{"Mail/Sweep", mailSweep},
		{"Mail/DeleteUser", mailDeleteUser},
		{"SigningKey/EveryColumn", signingKeyEveryColumn},
		{"SigningKey/Refused", signingKeyRefused},
		{"SigningKey/OfMany", signingKeyOfMany},
		{"SigningKey/Retire", signingKeyRetire},
		{"SigningKey/Delete", signingKeyDelete},
		{"SigningKey/Reseal", signingKeyReseal},
		{"Mail/Reseal", mailReseal},
		{"ServerSecret/Use", serverSecretUse},
		{"ServerSecret/Refused", serverSecretRefused},
		{"MailedSecret/DeleteLater", deleteLaterMailedSecrets},
		{"RateLimit/Sums", rateLimitSums},
		{"RateLimit/Refused", rateLimitRefused},
		{"RateLimit/OfMany", rateLimitOfMany},
		{"RateLimit/Sweep", rateLimitSweep},
		{"Challenge/OfMany", challengeOfMany},
		{"Challenge/Sweep", challengeSweep},
		{"InTx/Commit", inTxCommit},
		{"InTx/Error", inTxError},
		{"InTx/FailedStatement", inTxFailedStatement},
		{"InTx/Panic", inTxPanic},
		{"InTx/Nested", inTxNested},
		{"InTx/Isolation", inTxIsolation},
		{"InTx/Cancelled", inTxCancelled},
		{"Context/Cancelled", contextCancelled},
		{"Context/CancelledWhileWaiting", contextCancelledWhileWaiting},
		{"Context/DeadlineExceeded", contextDeadlineExceeded},
		{"ManyAtOnce", manyAtOnce},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// epoch is the earliest time of the fixtures. Its microseconds end with zeros, because a store that keeps times
// as text must not sort a shorter text as an earlier time.
var epoch = time.Date(2030, 1, 31, 23, 59, 59, 120_000_000, time.UTC)

// newID returns an ID that sorts by n, as UUIDs of version 7 sort by creation.
func newID(n int) uuid.UUID {
	id := uuid.UUID{0x01, 0x94, 6: 0x70, 8: 0x80, 15: 0x01}
	binary.BigEndian.PutUint32(id[2:], uint32(n))
	return id
}

// numberOf returns the n of an ID from newID.
func numberOf(id uuid.UUID) int { return int(binary.BigEndian.Uint32(id[2:])) }

// newAccount returns an account with a value in every field. Accounts with different n share no unique value.
func newAccount(n int) *auth.Account {
	return &auth.Account{
		User: auth.User{
			ID:         newID(n),
			Username:   new(fmt.Sprintf("Ada%d", n)),
			Email:      new(fmt.Sprintf("Ada%d@Example.com", n)),
			FullName:   new(fmt.Sprintf("Ada Lovelace %d", n)),
			Roles:      []auth.Role{auth.RoleUser, auth.RoleAdmin},
			DisabledAt: new(epoch.Add(3 * time.Microsecond)),
			CreatedAt:  epoch.Add(1 * time.Microsecond),
			UpdatedAt:  epoch.Add(2 * time.Microsecond),

			Metadata:     `{"locale":"en"}`,
			AppMetadata:  `{"plan":"pro","seats":9007199254740993}`,
			LastSignInAt: new(epoch.Add(6 * time.Microsecond)),

			EmailVerifiedAt:    new(epoch.Add(7 * time.Microsecond)),
			PendingEmail:       new(fmt.Sprintf("Ada%d@Example.net", n)),
			Locale:             new("pt-BR"),
			DeletionAt:         new(epoch.Add(8 * time.Microsecond)),
			CredentialsVersion: 3,
			Factors:            []auth.CredentialKind{auth.CredentialTOTP},
			FactorRemovedAt:    new(epoch.Add(9 * time.Microsecond)),
			FactorDueAt:        new(epoch.Add(10 * time.Microsecond)),
		},
		FullNameKey: new(fmt.Sprintf("ada lovelace %d", n)),
		UsernameKey: new(fmt.Sprintf("ada%d", n)),
		EmailKey:    new(fmt.Sprintf("ada%d@example.com", n)),
	}
}

// newPassword returns an account's password with a value in every field.
func newPassword(a *auth.Account) *auth.Credential {
	id := a.ID
	id[0] ^= 0x80
	return &auth.Credential{
		ID:        id,
		UserID:    a.ID,
		Kind:      auth.CredentialPassword,
		Secret:    "$argon2id$" + id.String(),
		CreatedAt: epoch.Add(4 * time.Microsecond),
		UpdatedAt: epoch.Add(5 * time.Microsecond),
	}
}

func byUsername(ctx context.Context, s auth.Store, key string) (*auth.User, error) {
	u, _, err := s.PasswordByUsername(ctx, key)
	return u, err
}

func byEmail(ctx context.Context, s auth.Store, key string) (*auth.User, error) {
	u, _, err := s.PasswordByEmail(ctx, key)
	return u, err
}

// digest is the digest of a session's secret.
var digest = []byte("0123456789abcdef0123456789abcdef")

// newSession returns a user's session with a value in every field.
func newSession(n int, userID uuid.UUID) *auth.Session {
	return &auth.Session{
		ID:         newID(1000 + n),
		UserID:     userID,
		AuthTime:   epoch.Add(1 * time.Millisecond),
		Methods:    []auth.Method{auth.MethodPassword, "otp"},
		CreatedAt:  epoch.Add(2 * time.Millisecond),
		LastUsedAt: epoch.Add(3 * time.Millisecond),
		ExpiresAt:  epoch.Add(time.Hour),
		EndedAt:    new(epoch.Add(4 * time.Millisecond)),
		IPAddress:  new("2001:db8::1"),
		UserAgent:  new("Mozilla/5.0"),
		PasskeyID:  new(newID(9)),
	}
}

// newLiveSession returns a session that has not ended.
func newLiveSession(n int, userID uuid.UUID) *auth.Session {
	session := newSession(n, userID)
	session.EndedAt = nil
	return session
}

func create(t *testing.T, s auth.Store, a *auth.Account) {
	t.Helper()
	if err := s.CreateAccount(t.Context(), a, newPassword(a)); err != nil {
		t.Fatalf("CreateAccount: %v", err)
	}
}

func createSession(t *testing.T, s auth.Store, session *auth.Session) {
	t.Helper()
	if err := s.CreateSession(t.Context(), session, digest); err != nil {
		t.Fatalf("CreateSession: %v", err)
	}
}

// equal fails the test unless a value was read as it was written, with times in UTC.
func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if reflect.DeepEqual(got, want) { // in the zones of the times too; the rest takes long for the many pages of a list
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
	walk(reflect.ValueOf(got), what, func(v reflect.Value, path string) {
		if at, ok := reflect.TypeAssert[time.Time](v); ok && at.Location() != time.UTC {
			t.Errorf("%s is in %s, not in UTC", path, at.Location())
		}
	})
}

// complete fails the test if a field of a fixture is zero, because the test would miss a column that is never
// written.
func complete(t *testing.T, what string, v any) {
	t.Helper()
	walk(reflect.ValueOf(v), what, func(v reflect.Value, path string) {
		if v.IsZero() {
			t.Errorf("the fixture has no %s", path)
		}
	})
}

// walk visits all values in v, down to IDs, times and basic types.
func walk(v reflect.Value, path string, visit func(v reflect.Value, path string)) {
	switch {
	case v.Kind() == reflect.Pointer && !v.IsNil():
		walk(v.Elem(), path, visit)
	case v.Kind() == reflect.Slice && v.Len() > 0:
		for i := range v.Len() {
			walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i), visit)
		}
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			walk(v.Field(i), path+"."+v.Type().Field(i).Name, visit)
		}
	default:
		visit(v, path)
	}
}

// wantError fails the test unless err is one of the domain's errors.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

// noAccount fails the test if an account was stored.
func noAccount(t *testing.T, s auth.Store, a *auth.Account) {
	t.Helper()
	_, err := byUsername(t.Context(), s, *a.UsernameKey)
	wantError(t, "AccountByUsername of an account that must not be kept", err, auth.ErrNotFound)
}

// together calls f n times concurrently and returns the errors.
func together(n int, f func(i int) error) []error {
	var (
		errs  = make([]error, n)
		start = make(chan struct{})
		done  sync.WaitGroup
	)
	for i := range n {
		done.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	done.Wait()
	return errs
}
