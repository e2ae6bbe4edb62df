package caller

import (
	"reflect"
	"testing"

	"usher/internal/token"
)

// TestEdgesOnlyRead holds what the edges can do with a Caller, and that changing what they get changes nothing.
func TestEdgesOnlyRead(t *testing.T) {
	t.Parallel()
	caller := reflect.TypeFor[*Caller]()
	for m := range caller.Methods() {
		if m.Name != "Claims" {
			t.Errorf("resolvers can call %s", m.Name)
		}
	}
	for f := range caller.Elem().Fields() {
		if f.IsExported() {
			t.Errorf("resolvers can set %s", f.Name)
		}
	}
	c := Of(&token.Claims{Subject: "ada", Roles: []string{"USER"}, Methods: []string{"pwd"}})
	got := c.Claims()
	got.Subject, got.Roles[0], got.Methods[0] = "eve", "ADMIN", "otp"
	if now := c.Claims(); now.Subject != "ada" || now.Roles[0] != "USER" || now.Methods[0] != "pwd" {
		t.Errorf("a resolver has changed the claims to %+v", now)
	}
}
