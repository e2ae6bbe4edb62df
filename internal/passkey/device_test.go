package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"slices"
	"testing"

	"github.com/descope/virtualwebauthn"
)

var (
	alice = User{Handle: bytes.Repeat([]byte{1}, 32), Name: "alice@example.com", DisplayName: "Alice"}
	bob   = User{Handle: bytes.Repeat([]byte{2}, 64), Name: "bob@example.com"}
)

func newParty(tb testing.TB) *Party {
	tb.Helper()
	p, err := New(Options{ID: "example.com", Name: "Example", Origins: []string{
		"https://example.com", "https://app.example.com", "https://example.net",
	}})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// device is a virtual authenticator with one credential, and the browser that uses it.
type device struct {
	virtualwebauthn.Authenticator
	site       virtualwebauthn.RelyingParty
	credential virtualwebauthn.Credential
}

func newDevice() *device {
	d := &device{
		Authenticator: virtualwebauthn.NewAuthenticator(),
		site:          virtualwebauthn.RelyingParty{ID: "example.com", Name: "Example", Origin: "https://example.com"},
		credential:    virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2),
	}
	d.Options.UserHandle = alice.Handle
	return d
}

// create answers the options of a registration.
func (d *device) create(tb testing.TB, options []byte) string {
	tb.Helper()
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		tb.Fatal(err)
	}
	return virtualwebauthn.CreateAttestationResponse(d.site, d.Authenticator, d.credential, *parsed)
}

// sign answers the options of a login.
func (d *device) sign(tb testing.TB, options []byte) string {
	tb.Helper()
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		tb.Fatal(err)
	}
	return virtualwebauthn.CreateAssertionResponse(d.site, d.Authenticator, d.credential, *parsed)
}

// register registers a device for alice.
func register(tb testing.TB, p *Party, d *device) Credential {
	tb.Helper()
	options, state := begun(tb)(p.Registration(alice, nil))
	c, err := p.Register(state, alice.Handle, d.create(tb, options))
	if err != nil {
		tb.Fatal(cause(err))
	}
	return c
}

func begun(tb testing.TB) func(options, state []byte, err error) ([]byte, []byte) {
	return func(options, state []byte, err error) ([]byte, []byte) {
		tb.Helper()
		if err != nil {
			tb.Fatal(err)
		}
		return options, state
	}
}

// cause is what a log would show.
func cause(err error) string {
	if err == nil {
		return "no error"
	}
	text := err.Error()
	if f, ok := err.(*failure); ok { //nolint:errorlint // the package does not wrap it
		text += ": " + f.cause.Error()
	}
	return text
}

// edit changes a JSON object.
func edit(tb testing.TB, doc string, change func(object map[string]any)) string {
	tb.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(doc), &object); err != nil {
		tb.Fatal(err)
	}
	change(object)
	changed, err := json.Marshal(object)
	if err != nil {
		tb.Fatal(err)
	}
	return string(changed)
}

// member changes one member of the "response" of a response.
func member(tb testing.TB, doc, name string, change func(value []byte) []byte) string {
	tb.Helper()
	return edit(tb, doc, func(outer map[string]any) {
		inner := outer["response"].(map[string]any)
		inner[name] = encode(change(decode(tb, inner[name].(string))))
	})
}

// clientData changes the client data of a response.
func clientData(tb testing.TB, doc string, change func(object map[string]any)) string {
	tb.Helper()
	return member(tb, doc, "clientDataJSON", func(value []byte) []byte { return []byte(edit(tb, string(value), change)) })
}

// resign signs what has been changed in the response of a login.
func (d *device) resign(tb testing.TB, doc string) string {
	tb.Helper()
	return edit(tb, doc, func(outer map[string]any) {
		inner := outer["response"].(map[string]any)
		hash := sha256.Sum256(decode(tb, inner["clientDataJSON"].(string)))
		digest := sha256.Sum256(slices.Concat(decode(tb, inner["authenticatorData"].(string)), hash[:]))
		signature, err := d.credential.Key.Sign(digest[:])
		if err != nil {
			tb.Fatal(err)
		}
		inner["signature"] = encode(signature)
	})
}

func encode(value []byte) string { return base64.RawURLEncoding.EncodeToString(value) }

func decode(tb testing.TB, text string) []byte {
	tb.Helper()
	value, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		tb.Fatal(err)
	}
	return value
}
