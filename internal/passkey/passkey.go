// Package passkey owns WebAuthn Level 3 (https://www.w3.org/TR/webauthn-3/): what a browser is asked when a passkey is
// created or used, and the checks of what it answers. A ceremony is one question and its answer. The package keeps
// nothing. Its caller stores the state of a ceremony, lets it expire, and takes it back once.
//
// Passkeys are discoverable and verify their user, so that one can be the only factor of a sign-in. Attestation is not
// asked for and not read. It would prove the maker of an authenticator, and Usher accepts all of them. Browsers may
// still send a statement, such as the self attestation of "packed" (§5.1.3), which changes nothing. So no certificate
// that a stranger sends is parsed.
package passkey

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/google/uuid"
)

const (
	// Timeout is how long a browser is told to wait for its user (§15.1).
	Timeout = 5 * time.Minute

	// minHandle is the length of the shortest user handle in bytes. A random one of this length says nothing about
	// its user (§14.6.1).
	minHandle = 32

	maxResponse  = 16 << 10 // bytes of JSON
	maxID        = 1023     // bytes of a credential id (§5.1)
	maxHandle    = protocol.MaximumUserHandleLength
	maxPublicKey = 1 << 10 // bytes of COSE. A key of RSA with 4096 bits has about 540.
)

// The errors of what a client sends. Their texts are the same for every cause. errors.Unwrap returns the cause, for a
// log. It quotes nothing of the response.
var (
	// ErrResponse means that a text is not the response of an authenticator.
	ErrResponse = errors.New("passkey: malformed response")

	// ErrVerification means that a response does not prove what was asked for.
	ErrVerification = errors.New("passkey: response not valid")

	// ErrCounter means that a response is valid, but that its signature counter did not increase. So there may be a
	// copy of the authenticator (§6.1.1).
	ErrCounter = errors.New("passkey: signature counter did not increase")
)

// failure is one of the errors above and its cause.
type failure struct{ kind, cause error }

func (f *failure) Error() string        { return f.kind.Error() }
func (f *failure) Unwrap() error        { return f.cause }
func (f *failure) Is(target error) bool { return target == f.kind }

func malformed(cause string) error { return &failure{ErrResponse, errors.New(cause)} }
func invalid(cause string) error   { return &failure{ErrVerification, errors.New(cause)} }

// User is the owner of a passkey, as authenticators store it.
type User struct {
	Handle      []byte // 32 to 64 random bytes, the same for all passkeys of the user. They must not identify anyone.
	Name        string // tells apart the accounts of one person, for example by mail address
	DisplayName string // may be empty
}

// Credential is what the server keeps of a passkey. It contains no secret.
type Credential struct {
	ID        []byte `json:"id"`
	PublicKey []byte `json:"public_key"` // a COSE_Key (RFC 9052 §7)

	// SignCount is the counter of the last signature. Authenticators without one send 0, as all synced passkeys do.
	SignCount uint32 `json:"sign_count"`

	// Transports are the ways in which a browser can reach the authenticator (§5.8.4), as the browser reports them.
	Transports []string `json:"transports,omitempty"`

	BackupEligible bool `json:"backup_eligible"` // the passkey can be synced
	BackedUp       bool `json:"backed_up"`       // the passkey is synced

	// AAGUID is the model of the authenticator, as it claims (§6.5.1). It can be zero.
	AAGUID uuid.UUID `json:"aaguid"`

	// Discoverable is what the browser reports of it (§10.1.3), and nil when it does not.
	Discoverable *bool `json:"discoverable,omitempty"`
}

func (c Credential) descriptor() protocol.CredentialDescriptor {
	d := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: c.ID}
	for _, transport := range c.Transports {
		d.Transport = append(d.Transport, protocol.AuthenticatorTransport(transport))
	}
	return d
}

func descriptors(credentials []Credential) []protocol.CredentialDescriptor {
	list := make([]protocol.CredentialDescriptor, len(credentials))
	for i, c := range credentials {
		list[i] = c.descriptor()
	}
	return list
}

// Options are the settings of a Party.
type Options struct {
	ID      string   // RP ID: a domain without scheme and port. Passkeys are bound to it and cannot be moved.
	Name    string   // shown to users
	Origins []string // the exact origins that may use the passkeys
}

// Party is the relying party: the site that passkeys belong to.
type Party struct {
	id, name string
	origins  []string
	related  []byte
}

// New returns a Party. Its errors say which option to change.
func New(options Options) (*Party, error) {
	if err := protocol.ValidateRPID(options.ID); err != nil {
		return nil, fmt.Errorf("passkey: the RP ID %q must be a domain such as example.com: %w", options.ID, err)
	}
	if options.ID != strings.ToLower(options.ID) {
		return nil, fmt.Errorf("passkey: the RP ID %q must be in lower case", options.ID)
	}
	if options.Name == "" {
		return nil, errors.New("passkey: the relying party needs a name")
	}
	if len(options.Origins) == 0 {
		return nil, errors.New("passkey: at least one origin is needed, such as https://" + options.ID)
	}
	p := &Party{id: options.ID, name: options.Name}
	related := false
	for _, origin := range options.Origins {
		inside, err := p.checkOrigin(origin)
		if err != nil {
			return nil, fmt.Errorf("passkey: the origin %q %w", origin, err)
		}
		related = related || !inside
		p.origins = append(p.origins, origin)
	}
	if !related {
		return p, nil
	}
	list, err := protocol.NewRelatedOrigins(p.origins...)
	if err != nil {
		return nil, fmt.Errorf("passkey: the origins outside %s: %w", p.id, err)
	}
	p.related, err = list.Bytes()
	return p, err
}

// ID returns the RP ID.
func (p *Party) ID() string { return p.id }

// Allows reports whether pages of an origin may use the passkeys, as browsers write it.
func (p *Party) Allows(origin string) bool { return slices.Contains(p.origins, origin) }

// RelatedOrigins returns the JSON of /.well-known/webauthn on the RP ID, by which browsers let origins outside that
// domain use its passkeys (§5.11). It is nil when there is no such origin.
func (p *Party) RelatedOrigins() []byte { return p.related }
