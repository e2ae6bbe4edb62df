package passkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/go-webauthn/webauthn/protocol"
)

// fixed returns a device and the options and state of a ceremony that are the same in all processes of a fuzzing run.
// Otherwise the seeds of one process would not be valid in the others.
func fixed(tb testing.TB, kind protocol.CeremonyType) (d *device, options, state []byte) {
	tb.Helper()
	raw, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		tb.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(raw)
	if err != nil {
		tb.Fatal(err)
	}
	d = newDevice()
	d.credential = virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, key)
	d.credential.ID, d.Aaguid = bytes.Repeat([]byte{2}, 16), [16]byte{3}
	c := ceremony{Kind: kind, Challenge: bytes.Repeat([]byte{4}, 32), Handle: alice.Handle}
	options, state, err = c.encode(map[string]any{
		"challenge": c.challenge(), "rpId": "example.com",
		"rp": map[string]any{"id": "example.com"}, "user": map[string]any{"id": encode(alice.Handle)},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return d, options, state
}

// onlyTyped fails if an error is not one that a client may see.
func onlyTyped(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, ErrResponse) && !errors.Is(err, ErrVerification) && !errors.Is(err, ErrCounter) {
		t.Errorf("untyped error %v", err)
	}
}

func FuzzRegister(f *testing.F) {
	p := newParty(f)
	d, options, state := fixed(f, protocol.CreateCeremony)
	response := d.create(f, options)
	if _, err := p.Register(state, alice.Handle, response); err != nil {
		f.Fatal(cause(err))
	}
	var object []byte
	member(f, response, "attestationObject", func(value []byte) []byte { object = value; return value })
	var doc []byte
	member(f, response, "clientDataJSON", func(value []byte) []byte { doc = value; return value })
	f.Add(response, doc, object)
	f.Add("{}", []byte("{}"), []byte("\xa0"))
	f.Fuzz(func(t *testing.T, text string, doc, object []byte) {
		_, err := p.Register(state, alice.Handle, text)
		onlyTyped(t, err)
		changed := member(t, response, "attestationObject", func([]byte) []byte { return object })
		changed = member(t, changed, "clientDataJSON", func([]byte) []byte { return doc })
		c, err := p.Register(state, alice.Handle, changed)
		onlyTyped(t, err)
		if err == nil && (!bytes.Equal(c.ID, d.credential.ID) || len(c.PublicKey) == 0 || len(c.PublicKey) > maxPublicKey) {
			t.Errorf("accepted %+v", c)
		}
	})
}

func FuzzVerify(f *testing.F) {
	p := newParty(f)
	d, options, state := fixed(f, protocol.AssertCeremony)
	c := register(f, p, d)
	response := d.sign(f, options)
	if _, err := p.Verify(state, c, alice.Handle, response); err != nil {
		f.Fatal(cause(err))
	}
	signed := map[string][]byte{}
	for _, name := range []string{"clientDataJSON", "authenticatorData", "signature"} {
		member(f, response, name, func(value []byte) []byte { signed[name] = value; return value })
	}
	f.Add(response, signed["clientDataJSON"], signed["authenticatorData"], signed["signature"])
	f.Add("{}", []byte("{}"), make([]byte, 37), []byte("\x30\x00"))
	f.Fuzz(func(t *testing.T, text string, doc, data, signature []byte) {
		_, err := p.Verify(state, c, alice.Handle, text)
		onlyTyped(t, err)
		changed := member(t, response, "clientDataJSON", func([]byte) []byte { return doc })
		changed = member(t, changed, "authenticatorData", func([]byte) []byte { return data })
		changed = member(t, changed, "signature", func([]byte) []byte { return signature })
		_, err = p.Verify(state, c, alice.Handle, changed)
		onlyTyped(t, err)
		if err == nil && (!bytes.Equal(doc, signed["clientDataJSON"]) || !bytes.Equal(data, signed["authenticatorData"])) {
			t.Errorf("accepted what was not signed: %s %x", doc, data)
		}
	})
}

func FuzzCredentialID(f *testing.F) {
	d, options, _ := fixed(f, protocol.AssertCeremony)
	f.Add(d.sign(f, options))
	f.Add(d.create(f, options))
	f.Fuzz(func(t *testing.T, text string) {
		id, handle, err := CredentialID(text)
		onlyTyped(t, err)
		if err == nil && (len(id) == 0 || len(id) > maxID || len(handle) > maxHandle) {
			t.Errorf("accepted the id %x and the handle %x", id, handle)
		}
	})
}
