package storetest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"

	"usher/internal/auth"
	"usher/internal/store"
)

// Hook runs before or after a method of a Store. Its error becomes the method's.
type Hook func(ctx context.Context) error

// hookable are the methods that can have a Hook.
var hookable = []string{
	"AddEvent", "AddMail", "AddUses", "Client", "CountCodeTry", "InTx", "PermissionsOf", "RefreshState", "ReplaceMailedSecret", "ReserveAttempt",
	"TakeMailedSecret", "UpdateMail", "UseChallenge", "UsersByID", "Viewer",
}

// Faults is a real store that fails, waits and counts where a test says so, inside of transactions too.
type Faults struct {
	*store.Store
	*hooks
}

type hooks struct {
	mu            sync.Mutex
	before, after map[string]Hook
	calls         map[string]int
	rollBack      bool
}

// NewFaults returns a Faults without hooks.
func NewFaults(s *store.Store) *Faults {
	return &Faults{s, &hooks{before: map[string]Hook{}, after: map[string]Hook{}, calls: map[string]int{}}}
}

// Before runs h before each call of a method; nil removes the hook. If h fails, the method does nothing.
func (h *hooks) Before(method string, hook Hook) { h.set(h.before, method, hook) }

// After runs h after each call of a method that has succeeded, and that has not reported false; nil removes the hook.
// If h fails, the method has done its work and fails nevertheless, as when a connection is lost.
func (h *hooks) After(method string, hook Hook) { h.set(h.after, method, hook) }

func (h *hooks) set(hooks map[string]Hook, method string, hook Hook) {
	if !slices.Contains(hookable, method) {
		panic("storetest: no hooks for " + method)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	hooks[method] = hook
}

// Calls returns how often a method was called.
func (h *hooks) Calls(method string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[method]
}

// RollBack makes the database roll back the first run of each transaction from now on, as after a deadlock.
func (h *hooks) RollBack(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.rollBack = on
}

func (h *hooks) rollsBack() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.rollBack
}

// run runs a hook, without the lock: the hook may change the hooks.
func (h *hooks) run(ctx context.Context, hooks map[string]Hook, method string) error {
	h.mu.Lock()
	hook := hooks[method]
	h.mu.Unlock()
	if hook == nil {
		return nil
	}
	return hook(ctx)
}

func hooked[T any](ctx context.Context, h *hooks, method string, do func() (T, error)) (result T, err error) {
	h.mu.Lock()
	h.calls[method]++
	h.mu.Unlock()
	if err := h.run(ctx, h.before, method); err != nil {
		return result, err
	}
	if result, err = do(); err != nil || any(result) == any(false) {
		return result, err
	}
	return result, h.run(ctx, h.after, method)
}

// InTx implements auth.Store.
func (f *Faults) InTx(ctx context.Context, do func(ctx context.Context, tx auth.Store) error) error {
	_, err := hooked(ctx, f.hooks, "InTx", func() (struct{}, error) {
		runs := 0
		return struct{}{}, f.Store.InTx(ctx, func(ctx context.Context, tx auth.Store) error {
			err := do(ctx, &Faults{tx.(*store.Store), f.hooks})
			if runs++; err == nil && runs == 1 && f.rollsBack() {
				return &pgconn.PgError{Code: "40P01"}
			}
			return err
		})
	})
	return err
}

// AddEvent implements auth.Store.
func (f *Faults) AddEvent(ctx context.Context, e *auth.AuditEvent) error {
	_, err := hooked(ctx, f.hooks, "AddEvent", func() (struct{}, error) { return struct{}{}, f.Store.AddEvent(ctx, e) })
	return err
}

// AddMail implements auth.Store.
func (f *Faults) AddMail(ctx context.Context, m *auth.MailMessage) error {
	_, err := hooked(ctx, f.hooks, "AddMail", func() (struct{}, error) { return struct{}{}, f.Store.AddMail(ctx, m) })
	return err
}

// AddUses implements auth.Store.
func (f *Faults) AddUses(ctx context.Context, u auth.RateLimitUses) (auth.RateLimitSums, error) {
	return hooked(ctx, f.hooks, "AddUses", func() (auth.RateLimitSums, error) { return f.Store.AddUses(ctx, u) })
}

// UseChallenge implements auth.Store.
func (f *Faults) UseChallenge(ctx context.Context, id string, expiresAt time.Time) (bool, error) {
	return hooked(ctx, f.hooks, "UseChallenge", func() (bool, error) { return f.Store.UseChallenge(ctx, id, expiresAt) })
}

// Client implements auth.Store.
func (f *Faults) Client(ctx context.Context, id uuid.UUID) (*auth.Client, error) {
	return hooked(ctx, f.hooks, "Client", func() (*auth.Client, error) { return f.Store.Client(ctx, id) })
}

// CountCodeTry implements auth.Store.
func (f *Faults) CountCodeTry(ctx context.Context, try auth.CodeTry, most int, now time.Time) (*auth.MailedSecret, error) {
	return hooked(ctx, f.hooks, "CountCodeTry", func() (*auth.MailedSecret, error) { return f.Store.CountCodeTry(ctx, try, most, now) })
}

// PermissionsOf implements auth.Store.
func (f *Faults) PermissionsOf(ctx context.Context, roles []auth.Role) ([]auth.Permission, error) {
	return hooked(ctx, f.hooks, "PermissionsOf", func() ([]auth.Permission, error) { return f.Store.PermissionsOf(ctx, roles) })
}

// RefreshState implements auth.Store.
func (f *Faults) RefreshState(ctx context.Context, id uuid.UUID) (*auth.RefreshState, error) {
	return hooked(ctx, f.hooks, "RefreshState", func() (*auth.RefreshState, error) { return f.Store.RefreshState(ctx, id) })
}

// ReplaceMailedSecret implements auth.Store.
func (f *Faults) ReplaceMailedSecret(ctx context.Context, m *auth.MailedSecret) error {
	_, err := hooked(ctx, f.hooks, "ReplaceMailedSecret", func() (struct{}, error) { return struct{}{}, f.Store.ReplaceMailedSecret(ctx, m) })
	return err
}

// ReserveAttempt implements auth.Store.
func (f *Faults) ReserveAttempt(ctx context.Context, c auth.AttemptCounter, was auth.Attempts, now time.Time) (bool, error) {
	return hooked(ctx, f.hooks, "ReserveAttempt", func() (bool, error) { return f.Store.ReserveAttempt(ctx, c, was, now) })
}

// TakeMailedSecret implements auth.Store.
func (f *Faults) TakeMailedSecret(ctx context.Context, id uuid.UUID, tokenDigest []byte, now time.Time) (bool, error) {
	return hooked(ctx, f.hooks, "TakeMailedSecret", func() (bool, error) { return f.Store.TakeMailedSecret(ctx, id, tokenDigest, now) })
}

// UpdateMail implements auth.Store.
func (f *Faults) UpdateMail(ctx context.Context, m *auth.MailMessage, state auth.MailState, attempts int) (bool, error) {
	return hooked(ctx, f.hooks, "UpdateMail", func() (bool, error) { return f.Store.UpdateMail(ctx, m, state, attempts) })
}

// UsersByID implements auth.Store.
func (f *Faults) UsersByID(ctx context.Context, ids []uuid.UUID) ([]auth.User, error) {
	return hooked(ctx, f.hooks, "UsersByID", func() ([]auth.User, error) { return f.Store.UsersByID(ctx, ids) })
}

// Viewer implements auth.Store.
func (f *Faults) Viewer(ctx context.Context, id uuid.UUID) (*auth.Viewer, error) {
	return hooked(ctx, f.hooks, "Viewer", func() (*auth.Viewer, error) { return f.Store.Viewer(ctx, id) })
}
