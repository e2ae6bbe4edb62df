package auth

import (
	"time"

	"github.com/google/uuid"
)

// Provider is another party with whose accounts people can sign in.
type Provider struct {
	ID, Name string
}

// Identity is an account at a provider with which a user signs in.
type Identity struct {
	ID uuid.UUID
	// Provider is the provider as it is configured now; nil if it is no more.
	Provider *Provider
	// Issuer and Subject identify the account at the provider.
	Issuer, Subject string
	// Email is the address that the provider has last named; nil for none. It need not be that of the user.
	Email *string
	// CreatedAt is when it was linked, and LastUsedAt when it last signed in; nil for never.
	CreatedAt  time.Time
	LastUsedAt *time.Time
}

// ProviderRedirect sends a browser to a provider.
type ProviderRedirect struct {
	URL       string
	ExpiresIn time.Duration
	// Browser is what the browser must keep and present later. It is empty if the sign-in is bound to a code challenge.
	Browser string
	// CrossSite says that the provider answers with a POST request from its own site.
	CrossSite bool
}

// Seconds is ExpiresIn in seconds.
func (r *ProviderRedirect) Seconds() int { return int(r.ExpiresIn / time.Second) }
