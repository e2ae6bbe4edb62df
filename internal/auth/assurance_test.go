package auth_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
)

// TestAssuranceOf combines all methods with each other. Two of one kind are one factor.
func TestAssuranceOf(t *testing.T) {
	t.Parallel()
	first := []auth.Method{auth.MethodPassword, auth.MethodEmailCode}
	has := []auth.Method{auth.MethodTOTP, auth.MethodRecoveryCode, auth.MethodPasskeyPresence}
	all := slices.Concat(first, has, []auth.Method{auth.MethodPasskey, "of a later release"})
	some := func(in, of []auth.Method) bool {
		return slices.ContainsFunc(in, func(m auth.Method) bool { return slices.Contains(of, m) })
	}
	for set := range 1 << len(all) {
		var methods []auth.Method
		for i, m := range all {
			if set&(1<<i) != 0 {
				methods = append(methods, m)
			}
		}
		want := auth.AAL1
		if some(methods, first) && some(methods, has) || slices.Contains(methods, auth.MethodPasskey) {
			want = auth.AAL2
		}
		if got := auth.AssuranceOf(methods); got != want {
			t.Errorf("%v: %s, want %s", methods, got, want)
		}
		amr := auth.AMR(methods)
		if slices.Contains(amr, "mfa") != (want == auth.AAL2) || len(slices.Compact(slices.Sorted(slices.Values(amr)))) != len(amr) {
			t.Errorf("%v: amr is %v at %s", methods, amr, want)
		}
	}
}

func TestAMR(t *testing.T) {
	t.Parallel()
	for want, methods := range map[string][]auth.Method{
		"":                 nil,
		"pwd":              {auth.MethodPassword},
		"pwd otp mfa":      {auth.MethodPassword, auth.MethodTOTP},
		"otp":              {auth.MethodEmailCode},
		"pop user mfa":     {auth.MethodPasskey},
		"pwd pop user mfa": {auth.MethodPassword, auth.MethodPasskeyPresence},
		"later":            {"later"},
	} {
		if got := strings.Join(auth.AMR(methods), " "); got != want {
			t.Errorf("%v: %q, want %q", methods, got, want)
		}
	}
}

// TestAssuranceOfToken compares what a token claims with what the session has, before and after a factor was removed.
func TestAssuranceOfToken(t *testing.T) {
	t.Parallel()
	removed := time.Date(2030, 1, 1, 0, 0, 10, 500_000_000, time.UTC)
	for name, tt := range map[string]struct {
		removed *time.Time
		at      time.Time
		session auth.Method
		claimed auth.Assurance
		want    auth.Assurance
	}{
		"nothing removed":                    {nil, removed, auth.MethodPassword, auth.AAL2, auth.AAL2},
		"removed before":                     {&removed, removed.Truncate(time.Second).Add(time.Second), auth.MethodPassword, auth.AAL2, auth.AAL2},
		"removed in the same second":         {&removed, removed.Truncate(time.Second), auth.MethodPassword, auth.AAL2, auth.AAL1},
		"removed since":                      {&removed, removed.Add(-time.Hour), auth.MethodPassword, auth.AAL2, auth.AAL1},
		"another factor than that was used":  {&removed, removed.Add(-time.Hour), auth.MethodPasskey, auth.AAL2, auth.AAL2},
		"a token of a server without levels": {nil, removed, auth.MethodPassword, "", ""},
	} {
		v := &auth.Viewer{User: auth.User{FactorRemovedAt: tt.removed}, Session: auth.Session{Methods: []auth.Method{tt.session}}}
		if got := v.Assurance(tt.claimed, tt.at); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
