package main

import (
	"strings"
	"testing"
)

// FuzzNames checks that a name on the command line differs from the stored name at most in the case of ASCII letters.
// Another letter that folds to one of them must not name a role, or a permission, that looks different.
func FuzzNames(f *testing.F) {
	for _, text := range []string{"editor", "ADMIN", "\u017fuper", "ed\u0131tor", "\u212aeeper", "\u212aeep:read", "Orders:Read", "orders:", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ascii := strings.Map(func(r rune) rune {
			if r < 0x80 {
				return r
			}
			return -1
		}, text) == text
		var role roleName
		if err := role.UnmarshalText([]byte(text)); err == nil && (!ascii || !strings.EqualFold(string(role), text)) {
			t.Errorf("%q names the role %q", text, role)
		}
		var permission permissionName
		if err := permission.UnmarshalText([]byte(text)); err == nil && (!ascii || !strings.EqualFold(string(permission), text)) {
			t.Errorf("%q names the permission %q", text, permission)
		}
	})
}
