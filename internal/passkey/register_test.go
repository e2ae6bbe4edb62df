package passkey

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/fxamacker/cbor/v2"
	"github.com/google/go-cmp/cmp"
)

// TestRegistration compares the options with what PublicKeyCredential.parseCreationOptionsFromJSON takes.
func TestRegistration(t *testing.T) {
	t.Parallel()
	excluded := []Credential{{ID: []byte{0xff, 0xfe}, Transports: []string{"internal", "hybrid"}}, {ID: []byte{1}}}
	options, state := begun(t)(newParty(t).Registration(alice, excluded))
	var got map[string]any
	if err := json.Unmarshal(options, &got); err != nil {
		t.Fatal(err)
	}
	challenge := decode(t, got["challenge"].(string))
	delete(got, "challenge")
	var want map[string]any
	if err := json.Unmarshal([]byte(`{
		"rp": {"id": "example.com", "name": "Example"},
		"user": {"id": "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE", "name": "alice@example.com", "displayName": "Alice"},
		"pubKeyCredParams": [
			{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -257}
		],
		"timeout": 300000,
		"excludeCredentials": [
			{"type": "public-key", "id": "__4", "transports": ["internal", "hybrid"]}, {"type": "public-key", "id": "AQ"}
		],
		"authenticatorSelection": {"requireResidentKey": true, "residentKey": "required", "userVerification": "required"},
		"attestation": "none",
		"extensions": {"credProps": true}
	}`), &want); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	_, other := begun(t)(newParty(t).Registration(alice, nil))
	if len(challenge) != 32 || bytes.Equal(state, other) {
		t.Errorf("challenge %x, in %s and %s", challenge, state, other)
	}
	for _, length := range []int{0, 31, 65} {
		if _, _, err := newParty(t).Registration(User{Handle: make([]byte, length), Name: "a"}, nil); err == nil {
			t.Errorf("a handle of %d bytes is accepted", length)
		}
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	d := newDevice()
	d.credential.Counter = 7
	d.Options.BackupEligible, d.Options.BackupState = true, true
	d.Options.Transports = []virtualwebauthn.Transport{virtualwebauthn.TransportUSB, virtualwebauthn.TransportHybrid}
	d.Options.ClientExtensionResults = map[string]any{"credProps": map[string]any{"rk": true}, "prf": map[string]any{}}
	got := register(t, newParty(t), d)
	yes := true
	want := Credential{
		ID: d.credential.ID, PublicKey: d.credential.Key.AttestationData(), SignCount: 7,
		Transports: []string{"hybrid", "usb"}, BackupEligible: true, BackedUp: true, AAGUID: d.Aaguid, Discoverable: &yes,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRegisterRejects changes one thing of a valid registration at a time.
func TestRegisterRejects(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	tests := map[string]struct {
		device   func(*device)
		response func(t *testing.T, response string) string
		want     error
	}{
		"valid":             {},
		"another of ours":   {device: func(d *device) { d.site.Origin = "https://app.example.com" }},
		"related origin":    {device: func(d *device) { d.site.Origin = "https://example.net" }},
		"foreign origin":    {device: func(d *device) { d.site.Origin = "https://example.org" }, want: ErrVerification},
		"unlisted origin":   {device: func(d *device) { d.site.Origin = "https://evil.example.com" }, want: ErrVerification},
		"path after origin": {device: func(d *device) { d.site.Origin = "https://example.com/x" }, want: ErrVerification},
		"origin by http":    {device: func(d *device) { d.site.Origin = "http://example.com" }, want: ErrVerification},
		"another RP ID":     {device: func(d *device) { d.site.ID = "example.net" }, want: ErrVerification},
		"no user":           {device: func(d *device) { d.Options.UserNotPresent = true }, want: ErrVerification},
		"unverified user":   {device: func(d *device) { d.Options.UserNotVerified = true }, want: ErrVerification},
		"backup impossible": {device: func(d *device) { d.Options.BackupState = true }, want: ErrVerification},
		"longest id":        {device: func(d *device) { d.credential.ID = make([]byte, 1023) }},
		"id too long":       {device: func(d *device) { d.credential.ID = make([]byte, 1024) }, want: ErrResponse},
		"no id":             {device: func(d *device) { d.credential.ID = nil }, want: ErrResponse},
		"another id": {response: func(t *testing.T, r string) string {
			return edit(t, r, func(m map[string]any) { m["id"], m["rawId"] = "AAAA", "AAAA" })
		}, want: ErrVerification},
		"another challenge": {response: func(t *testing.T, r string) string {
			return clientData(t, r, func(m map[string]any) { m["challenge"] = encode(make([]byte, 32)) })
		}, want: ErrVerification},
		"login": {response: func(t *testing.T, r string) string {
			return clientData(t, r, func(m map[string]any) { m["type"] = "webauthn.get" })
		}, want: ErrVerification},
		"cross-origin": {response: func(t *testing.T, r string) string {
			return clientData(t, r, func(m map[string]any) { m["crossOrigin"] = true })
		}, want: ErrVerification},
		"no client data": {response: func(t *testing.T, r string) string {
			return edit(t, r, func(m map[string]any) { delete(m["response"].(map[string]any), "clientDataJSON") })
		}, want: ErrResponse},
		"no attestation": {response: func(t *testing.T, r string) string {
			return edit(t, r, func(m map[string]any) { delete(m["response"].(map[string]any), "attestationObject") })
		}, want: ErrResponse},
		"no flag of a credential": {response: func(t *testing.T, r string) string {
			return attestation(t, r, func(a map[string]any) {
				data := a["authData"].([]byte)[:37]
				data[32] &^= 0x40
				a["authData"] = data
			})
		}, want: ErrResponse},
		"bytes after the credential": {response: func(t *testing.T, r string) string {
			return attestation(t, r, func(a map[string]any) { a["authData"] = append(a["authData"].([]byte), 0) })
		}, want: ErrResponse},
		"bytes after the attestation": {response: func(t *testing.T, r string) string {
			return member(t, r, "attestationObject", func(o []byte) []byte { return append(o, 0) })
		}, want: ErrResponse},
		"statement that does not verify": {response: func(t *testing.T, r string) string {
			return attestation(t, r, func(a map[string]any) { a["attStmt"] = map[string]any{"alg": -7, "sig": []byte("x")} })
		}},
		"statement of an unknown format": {response: func(t *testing.T, r string) string {
			return attestation(t, r, func(a map[string]any) { a["fmt"] = "future" })
		}},
		"no statement": {response: func(t *testing.T, r string) string {
			return attestation(t, r, func(a map[string]any) { a["fmt"], a["attStmt"] = "none", map[string]any{} })
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice()
			if test.device != nil {
				test.device(d)
			}
			options, state := begun(t)(p.Registration(alice, nil))
			response := d.create(t, options)
			if test.response != nil {
				response = test.response(t, response)
			}
			c, err := p.Register(state, alice.Handle, response)
			if !errors.Is(err, test.want) {
				t.Errorf("%s, want %v", cause(err), test.want)
			}
			if (c.ID == nil) != (err != nil) {
				t.Errorf("credential %v with %v", c, err)
			}
		})
	}
}

// attestation changes the attestation object of a registration.
func attestation(tb testing.TB, response string, change func(object map[string]any)) string {
	tb.Helper()
	return member(tb, response, "attestationObject", func(value []byte) []byte {
		var object map[string]any
		if err := cbor.Unmarshal(value, &object); err != nil {
			tb.Fatal(err)
		}
		change(object)
		return marshal(tb, object)
	})
}

func marshal(tb testing.TB, value any) []byte {
	tb.Helper()
	mode, err := cbor.CTAP2EncOptions().EncMode()
	if err != nil {
		tb.Fatal(err)
	}
	encoded, err := mode.Marshal(value)
	if err != nil {
		tb.Fatal(err)
	}
	return encoded
}

// withKey replaces the public key of a registration.
func withKey(tb testing.TB, d *device, response string, key any) string {
	tb.Helper()
	return attestation(tb, response, func(a map[string]any) {
		data := a["authData"].([]byte)
		a["authData"] = append(data[:37+16+2+len(d.credential.ID)], marshal(tb, key)...)
	})
}

func TestRegisterKeys(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	ed, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	modulus := func(bits int) []byte { return append([]byte{0x80}, bytes.Repeat([]byte{1}, bits/8-1)...) }
	point := bytes.Repeat([]byte{1}, 32)
	tests := map[string]struct {
		key  map[int]any
		want error
	}{
		"EdDSA":              {map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(ed)}, nil},
		"EdDSA of 31 bytes":  {map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(ed)[:31]}, ErrVerification},
		"Ed25519, not asked": {map[int]any{1: 1, 3: -19, -1: 6, -2: []byte(ed)}, ErrVerification},
		"EdDSA as ES256":     {map[int]any{1: 1, 3: -7, -1: 6, -2: []byte(ed)}, ErrVerification},
		"not on the curve":   {map[int]any{1: 2, 3: -7, -1: 1, -2: point, -3: point}, ErrVerification},
		"RS256":              {map[int]any{1: 3, 3: -257, -1: modulus(2048), -2: []byte{1, 0, 1}}, nil},
		"RS256, 4096 bits":   {map[int]any{1: 3, 3: -257, -1: modulus(4096), -2: []byte{1, 0, 1}}, nil},
		"RS256, 2040 bits":   {map[int]any{1: 3, 3: -257, -1: modulus(2040), -2: []byte{1, 0, 1}}, ErrVerification},
		"RS256, 4104 bits":   {map[int]any{1: 3, 3: -257, -1: modulus(4104), -2: []byte{1, 0, 1}}, ErrVerification},
		"RS256, no exponent": {map[int]any{1: 3, 3: -257, -1: modulus(2048)}, ErrVerification},
		"RS1":                {map[int]any{1: 3, 3: -65535, -1: modulus(2048), -2: []byte{1, 0, 1}}, ErrVerification},
		"RSA as ES256":       {map[int]any{1: 3, 3: -7, -1: modulus(2048), -2: []byte{1, 0, 1}}, ErrVerification},
		"no type":            {map[int]any{3: -7}, ErrVerification},
		"too long":           {map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(ed), 99: make([]byte, 1024)}, ErrVerification},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice()
			options, state := begun(t)(p.Registration(alice, nil))
			_, err := p.Register(state, alice.Handle, withKey(t, d, d.create(t, options), test.key))
			if !errors.Is(err, test.want) {
				t.Errorf("%s, want %v", cause(err), test.want)
			}
		})
	}
}

func TestRegisterStates(t *testing.T) {
	t.Parallel()
	p, d := newParty(t), newDevice()
	options, state := begun(t)(p.Registration(alice, nil))
	_, other := begun(t)(p.Registration(alice, nil))
	login := edit(t, string(state), func(m map[string]any) { m["kind"] = "webauthn.get" }) // with the same challenge
	response := d.create(t, options)
	for name, test := range map[string]struct {
		state, handle []byte
		want          error
	}{
		"valid":            {state, alice.Handle, nil},
		"another user":     {state, bob.Handle, ErrVerification},
		"another ceremony": {other, alice.Handle, ErrVerification},
		"a login":          {[]byte(login), alice.Handle, ErrVerification},
	} {
		if _, err := p.Register(test.state, test.handle, response); !errors.Is(err, test.want) {
			t.Errorf("%s: %s, want %v", name, cause(err), test.want)
		}
	}
	// Only the server stores states, so a damaged one is not the fault of the response.
	for _, damaged := range []string{"", "{", "null", `{"kind":"webauthn.create"}`, strings.Replace(string(state), `"challenge":"`, `"challenge":"AAAA`, 1)} {
		if _, err := p.Register([]byte(damaged), alice.Handle, response); err == nil || errors.Is(err, ErrVerification) || errors.Is(err, ErrResponse) {
			t.Errorf("%q: %s", damaged, cause(err))
		}
	}
}
