package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// newFactor returns a user's factor with a value in every field.
func newFactor(n int, userID uuid.UUID, kind auth.CredentialKind) auth.Factor {
	return auth.Factor{
		ID:         newID(5000 + n),
		UserID:     userID,
		Kind:       kind,
		Key:        fmt.Sprint("key", n),
		Secret:     fmt.Sprintf("secret '; -- %d", n),
		Name:       new(fmt.Sprintf("Ünï %d", n)),
		Counter:    int64(n) << 40,
		Details:    `{"a":"'; --"}`,
		LastUsedAt: new(epoch.Add(time.Duration(n+2) * time.Microsecond)),
		CreatedAt:  epoch.Add(time.Duration(n) * time.Microsecond),
		UpdatedAt:  epoch.Add(time.Duration(n+1) * time.Microsecond),
	}
}

func addFactors(t *testing.T, s auth.Store, userID uuid.UUID, factors ...auth.Factor) {
	t.Helper()
	if err := s.AddFactors(t.Context(), userID, factors); err != nil {
		t.Fatalf("AddFactors: %v", err)
	}
}

// wantFactors fails the test unless a user has these factors, and knows their kinds.
func wantFactors(t *testing.T, s auth.Store, userID uuid.UUID, version int, kinds string, want ...auth.Factor) {
	t.Helper()
	got, err := s.Factors(t.Context(), userID)
	if err != nil {
		t.Fatalf("Factors: %v", err)
	}
	equal(t, "Factors", got, want)
	u, err := s.User(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, kind := range u.Factors {
		names = append(names, string(kind))
	}
	if has := strings.Join(names, " "); has != kinds || u.CredentialsVersion != version {
		t.Errorf("the user has %q at version %d, want %q at %d", has, u.CredentialsVersion, kinds, version)
	}
}

func factorEveryColumn(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	b.Factors = nil
	create(t, s, a)
	create(t, s, b)
	if err := s.SetPassword(t.Context(), newPassword(a)); err != nil { // which is no factor
		t.Fatal(err)
	}
	version := a.CredentialsVersion + 1
	totp, passkey := newFactor(1, a.ID, auth.CredentialTOTP), newFactor(2, a.ID, auth.CredentialPasskey)
	complete(t, "factor", &totp)
	bare := newFactor(3, a.ID, auth.CredentialRecoveryCode)
	bare.Name, bare.Counter, bare.Details, bare.LastUsedAt = nil, 0, "", nil
	addFactors(t, s, a.ID, bare, passkey)
	addFactors(t, s, a.ID, totp)
	wantFactors(t, s, a.ID, version+2, "PASSKEY RECOVERY_CODE TOTP", totp, passkey, bare)
	wantFactors(t, s, b.ID, b.CredentialsVersion, "")
	if _, c, err := s.PasswordOf(t.Context(), a.ID); err != nil || c.Secret != newPassword(a).Secret {
		t.Errorf("PasswordOf: %v, %v", c, err)
	}

	if err := s.RenameFactor(t.Context(), a.ID, passkey.ID, "漢", epoch.Add(time.Hour)); err != nil {
		t.Errorf("RenameFactor: %v", err)
	}
	passkey.Name, passkey.UpdatedAt = new("漢"), epoch.Add(time.Hour)
	wantFactors(t, s, a.ID, version+2, "PASSKEY RECOVERY_CODE TOTP", totp, passkey, bare)
	wantError(t, "RenameFactor of another user", s.RenameFactor(t.Context(), b.ID, passkey.ID, "x", epoch), auth.ErrNotFound)
	wantError(t, "RenameFactor of the password", s.RenameFactor(t.Context(), a.ID, newPassword(a).ID, "x", epoch), auth.ErrNotFound)
	wantError(t, "AddFactors of nobody", s.AddFactors(t.Context(), newID(77), []auth.Factor{newFactor(9, newID(77), auth.CredentialTOTP)}), auth.ErrNotFound)
}

// factorTaken adds factors that exist. A passkey or an identity belongs to one account, and nothing of a batch is kept.
func factorTaken(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	b.Factors = nil
	create(t, s, a)
	create(t, s, b)
	code := newFactor(2, a.ID, auth.CredentialRecoveryCode)
	addFactors(t, s, a.ID, code)
	for i, kind := range []auth.CredentialKind{auth.CredentialPasskey, auth.CredentialIdentity} {
		f, same := newFactor(20+i, a.ID, kind), newFactor(30+i, b.ID, kind)
		addFactors(t, s, a.ID, f)
		same.Key = f.Key
		wantError(t, "AddFactors of another's "+string(kind), s.AddFactors(t.Context(), b.ID, []auth.Factor{newFactor(4, b.ID, auth.CredentialTOTP), same}), auth.ErrFactorTaken)
		wantFactors(t, s, b.ID, b.CredentialsVersion, "")
	}
	twice := newFactor(5, a.ID, auth.CredentialRecoveryCode)
	twice.Key = code.Key
	wantError(t, "AddFactors of the same code", s.AddFactors(t.Context(), a.ID, []auth.Factor{twice}), auth.ErrFactorTaken)
	twice.UserID = b.ID
	addFactors(t, s, b.ID, twice) // the codes of two accounts may be equal

	const many = 20
	won := 0
	for _, err := range together(many, func(n int) error {
		f := newFactor(100+n, b.ID, auth.CredentialTOTP)
		f.Key = ""
		return s.AddFactors(t.Context(), b.ID, []auth.Factor{f})
	}) {
		if err == nil {
			won++
		} else {
			wantError(t, "AddFactors at once", err, auth.ErrFactorTaken)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d at once have added a factor, want 1", won, many)
	}
}

// factorUse uses a factor a hundred times at once, each time with the counter that all of them have read.
func factorUse(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	f, other := newFactor(1, a.ID, auth.CredentialTOTP), newFactor(2, a.ID, auth.CredentialPasskey)
	addFactors(t, s, a.ID, f, other)
	use := auth.FactorUse{ID: f.ID, Was: f.Counter, Counter: f.Counter + 1, Details: `{"b":2}`, At: epoch.Add(time.Minute)}
	if n := wins(t, 100, func(int) (bool, error) { return s.UseFactor(t.Context(), use) }); n != 1 {
		t.Errorf("%d of 100 uses of one code succeed, want 1", n)
	}
	f.Counter, f.Details, f.LastUsedAt = use.Counter, use.Details, new(use.At)
	wantFactors(t, s, a.ID, a.CredentialsVersion+1, "PASSKEY TOTP", f, other)
	use.ID = newID(88)
	if ok, err := s.UseFactor(t.Context(), use); ok || err != nil {
		t.Errorf("UseFactor of none: %v, %v", ok, err)
	}
}

// factorByKey finds passkeys and identities of several users by key. Other factors have keys too.
func factorByKey(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	code := newFactor(5, b.ID, auth.CredentialRecoveryCode)
	addFactors(t, s, b.ID, code)
	for i, kind := range []auth.CredentialKind{auth.CredentialPasskey, auth.CredentialIdentity} {
		one, two := newFactor(2*i+1, a.ID, kind), newFactor(2*i+2, b.ID, kind)
		addFactors(t, s, a.ID, one)
		addFactors(t, s, b.ID, two)
		for _, want := range []auth.Factor{one, two} {
			u, f, err := s.FactorByKey(t.Context(), kind, want.Key)
			if err != nil {
				t.Fatalf("FactorByKey: %v", err)
			}
			equal(t, "FactorByKey", *f, want)
			owner, err := s.User(t.Context(), want.UserID)
			if err != nil {
				t.Fatal(err)
			}
			equal(t, "the user of FactorByKey", u, owner)
		}
		other := auth.CredentialPasskey
		if kind == other {
			other = auth.CredentialIdentity
		}
		for what, f := range map[string]auth.Factor{
			"that does not exist": {Kind: kind, Key: "none"}, "that is empty": {Kind: kind}, "of another kind": {Kind: kind, Key: code.Key},
			"of the other kind": {Kind: other, Key: one.Key},
		} {
			_, _, err := s.FactorByKey(t.Context(), f.Kind, f.Key)
			wantError(t, "FactorByKey of one "+what, err, auth.ErrNotFound)
		}
	}
}

// factorReseal reads and changes the secrets of authenticator apps, as a change of the server's secret does.
func factorReseal(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	first, second := newFactor(1, a.ID, auth.CredentialTOTP), newFactor(2, b.ID, auth.CredentialTOTP)
	addFactors(t, s, a.ID, first, newFactor(3, a.ID, auth.CredentialPasskey))
	addFactors(t, s, b.ID, second)
	for _, tt := range []struct {
		after uuid.UUID
		limit int
		want  []auth.Factor
	}{{uuid.Nil, 5, []auth.Factor{first, second}}, {uuid.Nil, 1, []auth.Factor{first}}, {first.ID, 5, []auth.Factor{second}}, {second.ID, 5, nil}} {
		got, err := s.Seeds(t.Context(), tt.after, tt.limit)
		if err != nil {
			t.Fatalf("Seeds: %v", err)
		}
		equal(t, "Seeds", got, tt.want)
	}
	for _, want := range []bool{true, false} {
		if ok, err := s.ResealFactor(t.Context(), first.ID, first.Secret, "next"); ok != want || err != nil {
			t.Errorf("ResealFactor: %v, %v, want %v", ok, err, want)
		}
	}
	first.Secret = "next"
	wantFactors(t, s, b.ID, b.CredentialsVersion+1, "TOTP", second)
	got, err := s.Seeds(t.Context(), uuid.Nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Seeds after ResealFactor", got, []auth.Factor{first})
}

func factorRecoveryCode(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	one, two, others := newFactor(1, a.ID, auth.CredentialRecoveryCode), newFactor(2, a.ID, auth.CredentialRecoveryCode), newFactor(3, b.ID, auth.CredentialRecoveryCode)
	passkey := newFactor(4, a.ID, auth.CredentialPasskey)
	addFactors(t, s, a.ID, one, two, passkey)
	addFactors(t, s, b.ID, others)
	version := a.CredentialsVersion + 1
	for what, key := range map[string]string{"of another user": others.Key, "that does not exist": "", "of another kind": passkey.Key} {
		if ok, err := s.TakeRecoveryCode(t.Context(), a.ID, key); ok || err != nil {
			t.Errorf("TakeRecoveryCode %s: %v, %v", what, ok, err)
		}
	}
	if n := wins(t, 100, func(int) (bool, error) { return s.TakeRecoveryCode(t.Context(), a.ID, one.Key) }); n != 1 {
		t.Errorf("%d of 100 uses of one code succeed, want 1", n)
	}
	wantFactors(t, s, a.ID, version, "PASSKEY RECOVERY_CODE", two, passkey)
	if ok, err := s.TakeRecoveryCode(t.Context(), a.ID, two.Key); !ok || err != nil {
		t.Errorf("TakeRecoveryCode: %v, %v", ok, err)
	}
	wantFactors(t, s, a.ID, version, "PASSKEY", passkey)
	wantFactors(t, s, b.ID, b.CredentialsVersion+1, "RECOVERY_CODE", others)
}

// factorRemove removes factors. Sessions forget the methods of what was removed, and no others.
func factorRemove(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	totp, first, second := newFactor(1, a.ID, auth.CredentialTOTP), newFactor(2, a.ID, auth.CredentialPasskey), newFactor(3, a.ID, auth.CredentialPasskey)
	others := newFactor(4, b.ID, auth.CredentialTOTP)
	addFactors(t, s, a.ID, totp, first, second)
	addFactors(t, s, b.ID, others)
	session := func(n int, of uuid.UUID, passkey *uuid.UUID, methods ...auth.Method) uuid.UUID {
		session := newSession(n, of)
		session.Methods, session.PasskeyID = methods, passkey
		createSession(t, s, session)
		return session.ID
	}
	const pwd, otp, key = auth.MethodPassword, auth.MethodTOTP, auth.MethodPasskey
	withFirst := session(1, a.ID, &first.ID, key)
	withSecond := session(2, a.ID, &second.ID, pwd, key)
	withCode := session(3, a.ID, nil, pwd, otp)
	withAll := session(4, a.ID, &first.ID, otp, key, pwd)
	ofOther := session(5, b.ID, nil, pwd, otp)
	wantMethods := func(step string, want map[uuid.UUID]string) {
		t.Helper()
		for id, methods := range want {
			v, err := s.Viewer(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if got := fmt.Sprint(v.Session.Methods); got != methods {
				t.Errorf("%s: session %d has %s, want %s", step, numberOf(id), got, methods)
			}
		}
	}
	remove := func(userID uuid.UUID, r auth.FactorRemoval, want int) {
		t.Helper()
		if n, err := s.RemoveFactors(t.Context(), userID, r); n != want || err != nil {
			t.Errorf("RemoveFactors: %d, %v, want %d", n, err, want)
		}
	}
	at := epoch.Add(time.Hour)
	remove(b.ID, auth.FactorRemoval{Kind: auth.CredentialPasskey, ID: &first.ID, Methods: []auth.Method{key}, At: at}, 0)
	remove(a.ID, auth.FactorRemoval{Kind: auth.CredentialTOTP, ID: &first.ID, Methods: []auth.Method{otp}, At: at}, 0)
	wantFactors(t, s, a.ID, a.CredentialsVersion+1, "PASSKEY TOTP", totp, first, second)

	remove(a.ID, auth.FactorRemoval{Kind: auth.CredentialPasskey, ID: &first.ID, Methods: []auth.Method{key}, At: at}, 1)
	wantFactors(t, s, a.ID, a.CredentialsVersion+2, "PASSKEY TOTP", totp, second)
	wantMethods("a passkey removed", map[uuid.UUID]string{withFirst: "[]", withSecond: "[pwd passkey]", withCode: "[pwd otp]", withAll: "[otp pwd]", ofOther: "[pwd otp]"})
	u, err := s.User(t.Context(), a.ID)
	if err != nil || u.FactorRemovedAt == nil || !u.FactorRemovedAt.Equal(at) {
		t.Errorf("the user's factor was removed at %v, want %v (%v)", u.FactorRemovedAt, at, err)
	}

	remove(a.ID, auth.FactorRemoval{Kind: auth.CredentialTOTP, Methods: []auth.Method{otp}, At: at.Add(time.Hour)}, 1)
	wantFactors(t, s, a.ID, a.CredentialsVersion+3, "PASSKEY", second)
	wantMethods("TOTP removed", map[uuid.UUID]string{withSecond: "[pwd passkey]", withCode: "[pwd]", withAll: "[pwd]", ofOther: "[pwd otp]"})
	remove(a.ID, auth.FactorRemoval{Kind: auth.CredentialTOTP, At: at}, 0)
	wantFactors(t, s, a.ID, a.CredentialsVersion+3, "PASSKEY", second)
	wantFactors(t, s, b.ID, b.CredentialsVersion+1, "TOTP", others)
}

// factorDue sets the end of a user's time to set up a second factor. It never becomes later.
func factorDue(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	a.FactorDueAt, b.FactorDueAt = nil, nil
	create(t, s, a)
	create(t, s, b)
	micro := func(n int) time.Time { return epoch.Add(time.Duration(n) * time.Microsecond) }
	for _, tt := range []struct{ at, want int }{{2, 2}, {3, 2}, {2, 2}, {1, 1}} {
		if err := s.SetFactorDue(t.Context(), a.ID, micro(tt.at)); err != nil {
			t.Fatal(err)
		}
		u, err := s.User(t.Context(), a.ID)
		if err != nil {
			t.Fatal(err)
		}
		want := a.User
		want.FactorDueAt = new(micro(tt.want))
		equal(t, "User", u, &want)
	}
	if u, err := s.User(t.Context(), b.ID); err != nil || u.FactorDueAt != nil {
		t.Errorf("another user is due at %v (%v)", u.FactorDueAt, err)
	}
	if err := s.SetFactorDue(t.Context(), newID(99), epoch); err != nil {
		t.Errorf("SetFactorDue of nobody: %v", err)
	}
}

// wins runs f n times at once, and returns how often it has succeeded.
func wins(t *testing.T, n int, f func(i int) (bool, error)) (won int) {
	t.Helper()
	succeeded := make([]bool, n)
	for _, err := range together(n, func(i int) (err error) {
		succeeded[i], err = f(i)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	for _, ok := range succeeded {
		if ok {
			won++
		}
	}
	return won
}
