package auth_test

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/identities"
	"usher/internal/auth/recovery"
	"usher/internal/password"
)

// operation is a mutation of a signed-in user. It may change another user, or end another session of the caller.
type operation func(ctx context.Context, f *fixture, user, session uuid.UUID) (answer any, err error)

// callerOperations are the mutations with `@auth`. All of them write.
var callerOperations = map[string]operation{
	"logout": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		_, err := f.Logout(ctx)
		return nil, err
	},
	"revokeSession": func(ctx context.Context, f *fixture, _, session uuid.UUID) (any, error) {
		_, err := f.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: session})
		return nil, err
	},
	"revokeOtherSessions": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RevokeOtherSessions(ctx)
	},
	"reauthenticate": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		p, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if p != nil {
			p.AccessToken = "" // It differs each time.
		}
		return p, err
	},
	"beginTotpSetup": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		_, err := f.Domain.Factors.BeginTotpSetup(ctx)
		return nil, err
	},
	"confirmTotpSetup": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.Domain.Factors.ConfirmTotpSetup(ctx, factors.ConfirmTotpSetupInput{Code: "123456"})
	},
	"removeTotp": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureFactor(ctx); err != nil {
			return nil, err
		}
		p, err := f.Domain.Factors.RemoveTotp(ctx)
		if err != nil {
			return nil, err
		}
		return p.User.Factors, nil
	},
	"regenerateRecoveryCodes": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureFactor(ctx); err != nil {
			return nil, err
		}
		p, err := f.Domain.Factors.RegenerateRecoveryCodes(ctx)
		if err != nil {
			return nil, err
		}
		return []any{p.User.Factors, len(p.RecoveryCodes)}, nil
	},
	"beginPasskeySetup": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		_, err := f.Domain.Factors.BeginPasskeySetup(ctx)
		return nil, err // The challenge differs each time.
	},
	"confirmPasskeySetup": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		r, err := f.Domain.Factors.BeginPasskeySetup(ctx)
		if err != nil {
			return nil, err
		}
		response, err := newAuthenticator().Respond(r)
		if err != nil {
			return nil, err
		}
		p, err := f.Domain.Factors.ConfirmPasskeySetup(ctx, factors.ConfirmPasskeySetupInput{Passkey: response, Name: new("Changed")})
		if err != nil {
			return nil, err
		}
		return []any{*p.Factor.Name, p.User.Factors, len(p.RecoveryCodes)}, nil
	},
	"renamePasskey": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		id, err := f.ensurePasskey(ctx)
		if err != nil {
			return nil, err
		}
		p, err := f.Domain.Factors.RenamePasskey(ctx, factors.RenamePasskeyInput{ID: id, Name: "Changed"})
		if err != nil {
			return nil, err
		}
		return *p.Factor.Name, nil
	},
	"removePasskey": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		id, err := f.ensurePasskey(ctx)
		if err != nil {
			return nil, err
		}
		p, err := f.Domain.Factors.RemovePasskey(ctx, factors.RemovePasskeyInput{ID: id})
		if err != nil {
			return nil, err
		}
		return p.User.Factors, nil
	},
	"linkIdentity": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		code, err := f.ensureIdentityCode(ctx)
		if err != nil {
			return nil, err
		}
		return f.linkIdentity(ctx, code)
	},
	"unlinkIdentity": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		id, err := f.ensureIdentity(ctx)
		if err != nil {
			return nil, err
		}
		p, err := f.Domain.Identities.UnlinkIdentity(ctx, identities.UnlinkIdentityInput{ID: id})
		if err != nil {
			return nil, err
		}
		return p.User.Factors, nil
	},
	"changePassword": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.ChangePassword(ctx, accounts.ChangePasswordInput{
			CurrentPassword: authtest.Password, NewPassword: "five large purple whales", EndOtherSessions: true,
		})
	},
	"requestEmailVerification": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestEmailVerification(ctx)
	},
	"sendPasswordReset": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.SendPasswordReset(ctx, recovery.SendPasswordResetInput{UserID: user})
	},
	"requestEmailChange": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestEmailChange(ctx, recovery.RequestEmailChangeInput{Email: "changed@example.com"})
	},
	"deleteMe": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		if err := f.Store.SetRoles(ctx, user, auth.Roles, f.Clock.Now()); err != nil { // the caller is not the last administrator
			return nil, err
		}
		return f.DeleteMe(ctx)
	},
	"cancelDeletion": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		me, err := f.Me(ctx)
		if err != nil {
			return nil, err
		}
		if err := f.Store.SetDeletion(ctx, me.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			return nil, err
		}
		return f.CancelDeletion(ctx)
	},
	"requestDataExport": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.RequestDataExport(ctx)
	},
	"updateMe": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.UpdateMe(ctx, accounts.UpdateMeInput{FullName: new("Changed")})
	},
	"createUser": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.CreateUser(ctx, admin.CreateUserInput{Username: new("created"), Password: new(password.Plaintext(authtest.Password))})
	},
	"inviteUser": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.InviteUser(ctx, admin.InviteUserInput{Email: "invited@example.com"})
	},
	"retryMail": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		id, err := f.ensureFailedMail(ctx)
		if err != nil {
			return nil, err
		}
		return f.RetryMail(ctx, admin.RetryMailInput{ID: id})
	},
	"updateUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.UpdateUser(ctx, admin.UpdateUserInput{UserID: user, FullName: new("Changed"), Roles: auth.Roles})
	},
	"disableUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.DisableUser(ctx, admin.DisableUserInput{UserID: user})
	},
	"enableUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		if err := f.Store.SetDisabled(ctx, user, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			return nil, err
		}
		return f.EnableUser(ctx, admin.EnableUserInput{UserID: user})
	},
	"revokeUserSessions": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: user})
	},
	"resetFactors": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureFactor(ctx); err != nil {
			return nil, err
		}
		me, err := f.Me(ctx)
		if err != nil {
			return nil, err
		}
		p, err := f.ResetFactors(ctx, admin.ResetFactorsInput{UserID: me.ID})
		if err != nil {
			return nil, err
		}
		return p.User.Factors, nil
	},
	"deleteUser": func(ctx context.Context, f *fixture, user, _ uuid.UUID) (any, error) {
		return f.DeleteUser(ctx, admin.DeleteUserInput{UserID: user})
	},
	"createRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		return f.adminService.CreateRole(ctx, admin.CreateRoleInput{Name: "MADE", Permissions: []auth.Permission{"orders:read"}})
	},
	"updateRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureSpareRole(ctx); err != nil {
			return nil, err
		}
		return f.UpdateRole(ctx, admin.UpdateRoleInput{Name: "SPARE", Description: new("Changed"), Permissions: []auth.Permission{"orders:read"}})
	},
	"deleteRole": func(ctx context.Context, f *fixture, _, _ uuid.UUID) (any, error) {
		if err := f.ensureSpareRole(ctx); err != nil {
			return nil, err
		}
		return f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: "SPARE"})
	},
}

// callerMutations returns the mutations with `@auth` in the schema, and whether they require an administrator.
func callerMutations(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphqls", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, field := range schema.Mutation.Fields {
		if guard := field.Directives.ForName("auth"); guard != nil {
			if callerOperations[field.Name] == nil {
				t.Fatalf("%s writes for a caller: add it to callerOperations", field.Name)
			}
			requires := guard.Arguments.ForName("requires")
			found[field.Name] = requires != nil && strings.Contains(requires.Value.String(), "ADMIN")
		}
	}
	if len(found) == 0 {
		t.Fatal("no mutation has a guard")
	}
	return found
}
