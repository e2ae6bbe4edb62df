package passkey

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

// TestLogin compares the options with what PublicKeyCredential.parseRequestOptionsFromJSON takes.
func TestLogin(t *testing.T) {
	t.Parallel()
	allow := []Credential{{ID: []byte{0xff, 0xfe}, Transports: []string{"usb"}}, {ID: []byte{1}}}
	for name, test := range map[string]struct {
		allow        []Credential
		verification bool
		want         string
	}{
		"any passkey": {nil, true, `{"rpId": "example.com", "timeout": 300000, "userVerification": "required"}`},
		"second factor": {allow, false, `{"rpId": "example.com", "timeout": 300000, "userVerification": "preferred",
			"allowCredentials": [{"type": "public-key", "id": "__4", "transports": ["usb"]}, {"type": "public-key", "id": "AQ"}]}`},
	} {
		options, _ := begun(t)(newParty(t).Login(test.allow, test.verification))
		var got, want map[string]any
		if err := errors.Join(json.Unmarshal(options, &got), json.Unmarshal([]byte(test.want), &want)); err != nil {
			t.Fatal(err)
		}
		if challenge := decode(t, got["challenge"].(string)); len(challenge) != 32 {
			t.Errorf("%s: challenge %x", name, challenge)
		}
		delete(got, "challenge")
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	for _, keyType := range []virtualwebauthn.KeyType{virtualwebauthn.KeyTypeEC2, virtualwebauthn.KeyTypeRSA} {
		t.Run(string(keyType), func(t *testing.T) {
			t.Parallel()
			d := newDevice()
			d.credential = virtualwebauthn.NewCredential(keyType)
			c := register(t, p, d)
			for range 2 { // all counters are zero
				options, state := begun(t)(p.Login(nil, true))
				response := d.sign(t, options)
				id, handle, err := CredentialID(response)
				if err != nil || !slices.Equal(id, c.ID) || !slices.Equal(handle, alice.Handle) {
					t.Fatalf("%x, %x, %s", id, handle, cause(err))
				}
				got, err := p.Verify(state, c, handle, response)
				if diff := cmp.Diff(Assertion{UserVerified: true, Credential: c}, got); err != nil || diff != "" {
					t.Error(cause(err), diff)
				}
			}
		})
	}
}

// TestVerifyEdDSA signs with a kind of key that the virtual authenticator does not have.
func TestVerifyEdDSA(t *testing.T) {
	t.Parallel()
	p, d := newParty(t), newDevice()
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	options, state := begun(t)(p.Registration(alice, nil))
	c, err := p.Register(state, alice.Handle,
		withKey(t, d, d.create(t, options), map[int]any{1: 1, 3: -8, -1: 6, -2: []byte(public)}))
	if err != nil {
		t.Fatal(cause(err))
	}
	options, state = begun(t)(p.Login(nil, true))
	unsigned := d.sign(t, options)
	signed := edit(t, unsigned, func(outer map[string]any) {
		inner := outer["response"].(map[string]any)
		hash := sha256.Sum256(decode(t, inner["clientDataJSON"].(string)))
		inner["signature"] = encode(ed25519.Sign(private, slices.Concat(decode(t, inner["authenticatorData"].(string)), hash[:])))
	})
	if _, err := p.Verify(state, c, alice.Handle, signed); err != nil {
		t.Error(cause(err))
	}
	if _, err := p.Verify(state, c, alice.Handle, unsigned); !errors.Is(err, ErrVerification) {
		t.Error(cause(err))
	}
}

// TestVerifyRejects changes one thing of a valid login at a time. What the authenticator signs is signed again.
func TestVerifyRejects(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	tests := map[string]struct {
		device       func(*device)
		clientData   func(map[string]any)
		unsigned     func(outer, inner map[string]any) // changed after the signature
		verification bool
		listed       bool // the login is for a list of credentials
		want         error
	}{
		"valid":               {verification: true},
		"another of ours":     {device: func(d *device) { d.site.Origin = "https://app.example.com" }},
		"related origin":      {device: func(d *device) { d.site.Origin = "https://example.net" }},
		"foreign origin":      {device: func(d *device) { d.site.Origin = "https://example.org" }, want: ErrVerification},
		"unlisted origin":     {device: func(d *device) { d.site.Origin = "https://evil.example.com" }, want: ErrVerification},
		"user in the origin":  {device: func(d *device) { d.site.Origin = "https://evil@example.com" }, want: ErrVerification},
		"port of an origin":   {device: func(d *device) { d.site.Origin = "https://example.com:8443" }, want: ErrVerification},
		"another RP ID":       {device: func(d *device) { d.site.ID = "example.net" }, want: ErrVerification},
		"no user":             {device: func(d *device) { d.Options.UserNotPresent = true }, want: ErrVerification},
		"unverified user":     {device: func(d *device) { d.Options.UserNotVerified = true }, verification: true, want: ErrVerification},
		"backup impossible":   {device: func(d *device) { d.Options.BackupState = true }, want: ErrVerification},
		"another user":        {device: func(d *device) { d.Options.UserHandle = bob.Handle }, want: ErrVerification},
		"another listed user": {device: func(d *device) { d.Options.UserHandle = bob.Handle }, listed: true, want: ErrVerification},
		"no user handle":      {device: func(d *device) { d.Options.UserHandle = nil }, want: ErrVerification},
		"listed, no handle":   {device: func(d *device) { d.Options.UserHandle = nil }, listed: true},
		"null user handle":    {unsigned: func(_, inner map[string]any) { inner["userHandle"] = nil }, listed: true},
		"user handle, 65 B":   {device: func(d *device) { d.Options.UserHandle = make([]byte, 65) }, listed: true, want: ErrResponse},
		"another credential":  {device: func(d *device) { d.credential.ID = []byte("another") }, want: ErrVerification},
		"another key": {device: func(d *device) {
			d.credential.Key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2).Key
		}, want: ErrVerification},
		"registration":      {clientData: func(m map[string]any) { m["type"] = "webauthn.create" }, want: ErrVerification},
		"another challenge": {clientData: func(m map[string]any) { m["challenge"] = encode(make([]byte, 32)) }, want: ErrVerification},
		"no challenge":      {clientData: func(m map[string]any) { m["challenge"] = "" }, want: ErrVerification},
		"same origin":       {clientData: func(m map[string]any) { m["crossOrigin"] = false }},
		"cross-origin":      {clientData: func(m map[string]any) { m["crossOrigin"] = true }, want: ErrVerification},
		"cross-origin, as text": {
			clientData: func(m map[string]any) { m["crossOrigin"] = "true" }, want: ErrResponse,
		},
		"top origin": {clientData: func(m map[string]any) { m["topOrigin"] = "https://example.com" }, want: ErrVerification},
		"top origin, as number": {
			clientData: func(m map[string]any) { m["topOrigin"] = 1 }, want: ErrResponse,
		},
		"no origin":          {clientData: func(m map[string]any) { delete(m, "origin") }, want: ErrResponse},
		"null origin":        {clientData: func(m map[string]any) { m["origin"] = nil }, want: ErrResponse},
		"null challenge":     {clientData: func(m map[string]any) { m["challenge"] = nil }, want: ErrResponse},
		"type a number":      {clientData: func(m map[string]any) { m["type"] = 1 }, want: ErrResponse},
		"new members":        {clientData: func(m map[string]any) { m["other_keys_can_be_added_here"] = "do not compare" }},
		"members in capital": {clientData: func(m map[string]any) { m["Origin"] = "https://example.org" }},
		"only in capitals": {clientData: func(m map[string]any) {
			m["ORIGIN"] = m["origin"]
			delete(m, "origin")
		}, want: ErrResponse},
		"wrong signature": {unsigned: func(_, inner map[string]any) { inner["signature"] = "AAAA" }, want: ErrVerification},
		"empty signature": {unsigned: func(_, inner map[string]any) { inner["signature"] = "" }, want: ErrVerification},
		"no signature":    {unsigned: func(_, inner map[string]any) { delete(inner, "signature") }, want: ErrResponse},
		"unsigned counter": {unsigned: func(_, inner map[string]any) {
			data := inner["authenticatorData"].(string)
			inner["authenticatorData"] = data[:len(data)-1] + "Q" // 1 instead of 0
		}, want: ErrVerification},
		"unknown members": {unsigned: func(outer, inner map[string]any) {
			outer["authenticatorAttachment"], outer["future"], inner["future"] = "platform", []any{1, nil}, map[string]any{}
		}},
		"another type": {unsigned: func(outer, _ map[string]any) { outer["type"] = "password" }, want: ErrResponse},
		"id and rawId": {unsigned: func(outer, _ map[string]any) { outer["rawId"] = "AAAA" }, want: ErrResponse},
		"padding":      {unsigned: func(outer, _ map[string]any) { outer["id"] = outer["id"].(string) + "=" }, want: ErrResponse},
		"new line": {unsigned: func(_, inner map[string]any) {
			inner["signature"] = inner["signature"].(string) + "\n"
		}, want: ErrResponse},
		"Base64": {unsigned: func(_, inner map[string]any) {
			inner["userHandle"] = strings.NewReplacer("-", "+", "_", "/").Replace("_-_-")
		}, want: ErrResponse},
		"no client data": {unsigned: func(_, inner map[string]any) { delete(inner, "clientDataJSON") }, want: ErrResponse},
		"client data, not JSON": {unsigned: func(_, inner map[string]any) {
			inner["clientDataJSON"] = encode([]byte("{"))
		}, want: ErrResponse},
		"no authenticator data": {unsigned: func(_, inner map[string]any) {
			delete(inner, "authenticatorData")
		}, want: ErrResponse},
		"authenticator data, cut": {unsigned: func(_, inner map[string]any) {
			inner["authenticatorData"] = encode(make([]byte, 36))
		}, want: ErrResponse},
		"no response": {unsigned: func(outer, _ map[string]any) { outer["response"] = "x" }, want: ErrResponse},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDevice()
			c := register(t, p, d)
			var allow []Credential
			if test.listed {
				allow = []Credential{{ID: []byte("of another device")}, c}
			}
			options, state := begun(t)(p.Login(allow, test.verification))
			if test.device != nil {
				test.device(d)
			}
			response := d.sign(t, options)
			if test.clientData != nil {
				response = d.resign(t, clientData(t, response, test.clientData))
			}
			if test.unsigned != nil {
				response = edit(t, response, func(outer map[string]any) {
					test.unsigned(outer, outer["response"].(map[string]any))
				})
			}
			got, err := p.Verify(state, c, alice.Handle, response)
			if !errors.Is(err, test.want) {
				t.Errorf("%s, want %v", cause(err), test.want)
			}
			if (got.Credential.ID == nil) != (err != nil) {
				t.Errorf("assertion %v with %v", got, err)
			}
		})
	}
}

func TestVerifyUnverified(t *testing.T) {
	t.Parallel()
	p, d := newParty(t), newDevice()
	c := register(t, p, d)
	d.Options.UserNotVerified = true
	options, state := begun(t)(p.Login([]Credential{c}, false))
	got, err := p.Verify(state, c, alice.Handle, d.sign(t, options))
	if err != nil || got.UserVerified {
		t.Errorf("%v, %s", got, cause(err))
	}
}

func TestVerifyStates(t *testing.T) {
	t.Parallel()
	p, d := newParty(t), newDevice()
	c := register(t, p, d)
	options, state := begun(t)(p.Login(nil, true))
	_, other := begun(t)(p.Login(nil, true))
	// With the same challenge, so that nothing else is wrong.
	listed := edit(t, string(state), func(m map[string]any) { m["allow"] = []string{"AAAA"} })
	registration := edit(t, string(state), func(m map[string]any) { m["kind"] = "webauthn.create" })
	response := d.sign(t, options)
	for name, test := range map[string]struct {
		state, handle []byte
		want          error
	}{
		"valid":             {state, alice.Handle, nil},
		"handle of another": {state, bob.Handle, ErrVerification},
		"no handle":         {state, nil, ErrVerification},
		"another ceremony":  {other, alice.Handle, ErrVerification},
		"not in the list":   {[]byte(listed), alice.Handle, ErrVerification},
		"a registration":    {[]byte(registration), alice.Handle, ErrVerification},
	} {
		if _, err := p.Verify(test.state, c, test.handle, response); !errors.Is(err, test.want) {
			t.Errorf("%s: %s, want %v", name, cause(err), test.want)
		}
	}
	if _, err := p.Verify([]byte("{}"), c, alice.Handle, response); err == nil || errors.Is(err, ErrVerification) {
		t.Errorf("damaged state: %s", cause(err))
	}
}

func TestCounter(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	for _, test := range []struct {
		stored, received uint32
		want             error
	}{
		{0, 0, nil},
		{0, 1, nil},
		{1, 2, nil},
		{5, 1<<32 - 1, nil},
		{1, 0, ErrCounter},
		{1, 1, ErrCounter},
		{1<<32 - 1, 5, ErrCounter},
	} {
		d := newDevice()
		d.credential.Counter = test.stored
		c := register(t, p, d)
		d.credential.Counter = test.received
		options, state := begun(t)(p.Login(nil, true))
		response := d.sign(t, options)
		got, err := p.Verify(state, c, alice.Handle, response)
		if !errors.Is(err, test.want) || err == nil && got.Credential.SignCount != test.received {
			t.Errorf("%d after %d: %d, %s", test.received, test.stored, got.Credential.SignCount, cause(err))
		}
		// A counter counts only if the signature is valid.
		d.credential = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2)
		d.credential.ID, d.credential.Counter = c.ID, test.received
		if _, err := p.Verify(state, c, alice.Handle, d.resign(t, response)); !errors.Is(err, ErrVerification) {
			t.Errorf("%d after %d, of another key: %s", test.received, test.stored, cause(err))
		}
	}
}

// TestBackup checks that a passkey can become synced, and be synced no longer.
func TestBackup(t *testing.T) {
	t.Parallel()
	p, d := newParty(t), newDevice()
	c := register(t, p, d)
	for _, flags := range [][2]bool{{true, false}, {true, true}, {true, false}, {false, false}, {true, true}, {false, false}} {
		d.Options.BackupEligible, d.Options.BackupState = flags[0], flags[1]
		options, state := begun(t)(p.Login(nil, true))
		got, err := p.Verify(state, c, alice.Handle, d.sign(t, options))
		if err != nil || got.Credential.BackupEligible != flags[0] || got.Credential.BackedUp != flags[1] {
			t.Fatalf("%v: %+v, %s", flags, got.Credential, cause(err))
		}
		c = got.Credential
	}
}
