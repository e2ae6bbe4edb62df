package directive

import (
	"testing"
	"time"

	"usher/internal/auth"
)

func TestDescribe(t *testing.T) {
	t.Parallel()
	admin, user := []auth.Role{auth.RoleAdmin}, []auth.Role{auth.RoleUser}
	tests := map[string]auth.Rule{
		"Signed-in users": {Requires: user, Check: auth.CheckSession},
		"Role ADMIN":      {Requires: admin, Check: auth.CheckSession},
		"The owner":       {OrOwner: true, Check: auth.CheckSession},
		"Role ADMIN with permission audit:read, or the owner": {
			Requires: admin, Permissions: []auth.Permission{"audit:read"}, OrOwner: true, Check: auth.CheckSession,
		},
		"Signed-in users with permissions a and b; checks the access token only": {
			Requires: user, Permissions: []auth.Permission{"a", "b"}, Check: auth.CheckToken,
		},
		"Role ADMIN or EDITOR; identity confirmed in the last hour; checks the access token only": {
			Requires: []auth.Role{auth.RoleAdmin, "EDITOR"}, MaxAge: time.Hour, Check: auth.CheckToken,
		},
		"The owner; identity confirmed in the last second":      {OrOwner: true, MaxAge: time.Second},
		"Role ADMIN; identity confirmed in the last 90 seconds": {Requires: admin, MaxAge: 90 * time.Second},
		"Role ADMIN; identity confirmed in the last 15 minutes": {Requires: admin, MaxAge: 15 * time.Minute},
		"Role ADMIN; identity confirmed in the last 36 hours":   {Requires: admin, MaxAge: 36 * time.Hour},
		"Signed-in users, or the owner; identity confirmed in the last minute": {
			Requires: []auth.Role{auth.RoleAdmin, auth.RoleUser}, OrOwner: true, MaxAge: time.Minute,
		},
	}
	for want, rule := range tests {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if got := describe(&rule); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}
