package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"usher/internal/check"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/observe"
	"usher/internal/seal"
	"usher/internal/store"
	"usher/internal/token"
)

// inspected is a database that several checks ask, once it is open.
type inspected struct {
	settings config.Database
	done     chan struct{} // closed when the fields below are set

	store *store.Store
	said  *store.Inspection
	err   error
}

// open opens the database and asks it. It is called once.
func (d *inspected) open(ctx context.Context) {
	defer close(d.done)
	d.store, d.err = store.OpenToInspect(ctx, string(d.settings.URL), store.Options{
		MaxConns: 4, CreateFolder: d.settings.URL == config.DefaultDatabase, Observer: observe.New(observe.Options{Log: quiet}),
	})
	if d.err == nil {
		d.said, d.err = d.store.Inspect(ctx)
	}
}

// close closes the database if it was opened.
func (d *inspected) close() {
	select {
	case <-d.done:
		if d.store != nil {
			_ = d.store.Close() // nothing was written
		}
	default: // it still hangs, and ends with the process
	}
}

// needs returns what a check says if there is no open database, or nil.
func (d *inspected) needs(ctx context.Context) []check.Result {
	select {
	case <-d.done:
	case <-ctx.Done():
	}
	select {
	case <-d.done:
	default:
		return check.Fail("See the line of the database.", "not checked")
	}
	switch {
	case errors.Is(d.err, store.ErrNoFile):
		return check.Good("the server creates the database at its first start")
	case d.err != nil:
		return check.Fail("See the line of the database.", "not checked")
	}
	return nil
}

func (i *inspector) reach(ctx context.Context) []check.Result {
	i.database.open(ctx)
	return i.database.result(ctx)
}

// result is that of the check that opens the database.
func (d *inspected) result(ctx context.Context) []check.Result {
	switch {
	case errors.Is(d.err, store.ErrNoFile):
		return check.Warn("The server creates it at its first start. If it should be there, correct --database-url.", "%v", d.err)
	case ctx.Err() != nil && d.err != nil:
		return check.Fail("Look whether it runs and whether a firewall is between, or correct --database-url.", "%s does not answer", d.settings.URL)
	case d.err != nil && d.settings.URL.IsSQLite():
		return check.Fail("Correct that, or --database-url.", "%v", d.err)
	case d.err != nil:
		return check.Fail("Start the database, or correct --database-url.", "%v", d.err)
	case d.said.Old:
		return check.Fail("Upgrade it: Usher needs PostgreSQL 12 or newer.", "%s at %s", d.said.Product, d.settings.URL)
	}
	return check.Good("%s at %s", d.said.Product, d.settings.URL)
}

func (i *inspector) rights(ctx context.Context) []check.Result {
	if r := i.database.needs(ctx); r != nil {
		return r
	}
	said := i.database.said
	switch {
	case len(said.Denied) > 0:
		return check.Fail("Grant them to the user that runs Usher.", "missing rights: %s", strings.Join(said.Denied, ", "))
	case said.Superuser:
		return check.Warn("Create a role for Usher that owns only its database.", "the role %q is a superuser", said.Role)
	case !said.Migrates && said.Current < said.Latest:
		return check.Fail("Run usher migrate with the role that owns the tables.", "the role %q cannot migrate the database", said.Role)
	case said.Role == "":
		return check.Good("the file and its folder can be written")
	}
	return check.Good("the role %q can read and write all tables", said.Role)
}

// The server compares times of its own clock only. But replicas accept each other's tokens within token.MaxLeeway, and the
// clock of the database is the one that all of them can be compared with.
func (i *inspector) clock(ctx context.Context) []check.Result {
	if r := i.database.needs(ctx); r != nil {
		return r
	}
	if i.settings.URL.IsSQLite() {
		return check.Good("the database has the clock of this machine")
	}
	return clockResult(i.database.said.Ahead, i.database.said.Accuracy)
}

func clockResult(ahead, accuracy time.Duration) []check.Result {
	const advice = "Synchronize both machines, for example with chrony."
	by := max(ahead.Abs()-accuracy, 0).Round(time.Millisecond)
	switch {
	case by > token.MaxLeeway:
		return check.Fail(advice, "differs by %v from that of the database; tokens of other servers are accepted up to %v", by, token.MaxLeeway)
	case by > time.Second:
		return check.Warn(advice, "differs by %v from that of the database", by)
	}
	return check.Good("differs by %v from that of the database", by)
}

func (i *inspector) migrations(ctx context.Context) []check.Result {
	if r := i.database.needs(ctx); r != nil {
		return r
	}
	said := i.database.said
	switch {
	case said.Current > said.Latest:
		return check.Warn("A newer release has migrated it. Upgrade this program too.", "the database is at %d, and this program at %d", said.Current, said.Latest)
	case said.Current < said.Latest && i.settings.NoMigrate:
		return check.Fail("Run usher migrate, because of --no-migrate.", "the database is at %d, and this program at %d", said.Current, said.Latest)
	case said.Current < said.Latest:
		return check.Warn("The server migrates at its start.", "the database is at %d, and this program at %d", said.Current, said.Latest)
	}
	return check.Good("the database is at %d, as this program", said.Current)
}

// keys checks that the secret opens the signing keys.
func (i *inspector) keys(ctx context.Context) []check.Result {
	if r := i.database.needs(ctx); r != nil {
		return r
	}
	if i.database.said.Current < i.database.said.Latest {
		return check.Good("not checked before the migration")
	}
	s := &i.settings.Server
	given, _, err := i.given()
	var secrets *seal.Secrets
	if err == nil && !given.current.IsZero() {
		secrets, err = Secrets(given, nil)
	}
	if err != nil {
		return check.Fail("See the line of the secret.", "not checked")
	}
	o := keyring.Options{
		Store: i.database.store, Secrets: secrets, Algorithm: token.Algorithm(s.Algorithm), MaxAge: s.KeyMaxAge, TTL: s.AccessTokenTTL, Log: quiet,
	}
	list, err := keyring.List(ctx, o)
	if err != nil {
		return check.Fail("", "cannot be read: %v", err)
	}
	if len(list) == 0 {
		return check.Good("none yet; the server creates one at its start")
	}
	err = keyring.Check(ctx, o)
	if sealed, ok := errors.AsType[*keyring.SealedError](err); ok {
		return check.Fail("Use the secret that they were encrypted with. If it is lost, see usher keys retire --help.",
			"the secret does not open the key %s", sealed.KeyID)
	}
	if err != nil {
		return check.Fail("", "%v", err)
	}
	return check.Good("the secret opens them")
}

func (i *inspector) roles(ctx context.Context) []check.Result {
	if r := i.database.needs(ctx); r != nil {
		return r
	}
	if i.database.said.Current < i.database.said.Latest {
		return check.Good("not checked before the migration")
	}
	p := &parts{store: i.database.store}
	if err := p.checkRoles(ctx); err != nil {
		return check.Fail("", "%v", err)
	}
	return check.Good("the roles and permissions that the schema requires exist")
}
