package graph

import (
	"usher/graph/connection"
	"usher/graph/directive"
	"usher/graph/signin"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/factors"
	"usher/internal/auth/identities"
	"usher/internal/auth/recovery"
)

// Resolver answers the fields of the schema. A field's work is done in the domain (internal/auth), or in your
// own domain package: add it here as one more member and call it in one line.
type Resolver struct {
	access     *access.Service
	accounts   *accounts.Service
	admin      *admin.Service
	factors    *factors.Service
	recovery   *recovery.Service
	identities *identities.Service
	signin     *signin.Service
	lists      *connection.Lists
	nodes      *nodes
}

func newResolver(o Options, schema *directive.Schema) (*Resolver, error) {
	lists, err := connection.New(o.Admin, o.Sessions, o.Secrets)
	if err != nil {
		return nil, err
	}
	return &Resolver{
		access: o.Access, accounts: o.Accounts, factors: o.Factors, admin: o.Admin, recovery: o.Recovery,
		identities: o.Identities, signin: signin.New(o.Accounts, o.Sessions, o.Recovery, o.Identities), lists: lists,
		nodes: &nodes{access: o.Access, sessions: o.Sessions, admin: o.Admin, schema: schema},
	}, nil
}
