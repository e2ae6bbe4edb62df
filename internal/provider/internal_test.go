package provider

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"usher/internal/jsonobject"
)

// TestMayDial has an address of each range of IANA's registries, and the forms in which IPv6 contains IPv4.
func TestMayDial(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addresses       string
		public, private bool // allowed without and with allowPrivateAddresses
	}{
		{"1.1.1.1 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 172.15.0.1 172.32.0.1 192.167.1.1 223.255.255.255", true, true},
		{"2606:4700:4700::1111 2a00:1450::1 2001:4860:4860::8888 ::ffff:1.1.1.1 64:ff9b::1.1.1.1", true, true},
		{"127.0.0.1 127.255.255.255 10.0.0.1 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 100.127.255.255 ::1 fc00::1 fd00:ec2::254", false, true},
		{"::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:192.168.1.1 64:ff9b::127.0.0.1 64:ff9b::10.1.2.3 64:ff9b::c0a8:1", false, true},
		{"0.0.0.0 0.1.2.3 169.254.169.254 192.0.0.8 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255", false, false},
		{":: fe80::1 fe80::1%eth0 fec0::1 ff02::1 2001:db8::1 2001::1 2002:7f00:1:: 3fff::1 100::1 ::127.0.0.1 64:ff9b:1::1 4000::1 5f00::1", false, false},
		{"::ffff:169.254.169.254 64:ff9b::169.254.169.254 64:ff9b::0.0.0.0 ::ffff:0.0.0.0 ::ffff:224.0.0.1", false, false},
	} {
		for text := range strings.FieldsSeq(tt.addresses) {
			address := netip.MustParseAddr(text)
			if public, private := mayDial(address, false), mayDial(address, true); public != tt.public || private != tt.private {
				t.Errorf("%s: %t, and %t if private ones are allowed; want %t, %t", text, public, private, tt.public, tt.private)
			}
		}
	}
	if mayDial(netip.Addr{}, true) {
		t.Error("no address may be dialled")
	}
}

// TestDial checks that names and spellings do not hide an address, and that nothing reaches the listener.
func TestDial(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	reached := make(chan struct{})
	go func() {
		defer close(reached)
		if c, err := listener.Accept(); err == nil {
			_ = c.Close()
			t.Error("the listener was reached")
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	for _, host := range []string{"localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"} {
		settings := Settings{ID: "a", Name: "A", Issuer: "https://" + host + ":" + port, ClientID: "usher"}
		set, err := New([]Settings{settings}, Options{Redirect: func(string) string { return "https://usher.example" }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = set.All()[0].AuthorizationURL(t.Context(), Request{State: "s", Nonce: "n", Verifier: "v"})
		if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "may not be asked") {
			t.Errorf("%s: %v", host, err)
		}
	}
	_ = listener.Close()
	<-reached
}

// TestPlain checks that http is for local addresses only.
func TestPlain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		scheme, address string
		want            bool
	}{
		{"http", "127.0.0.1:80", true},
		{"http", "[::1]:80", true},
		{"http", "10.0.0.1:80", true},
		{"http", "1.1.1.1:80", false},
		{"http", "[2606:4700::1]:80", false},
		{"https", "1.1.1.1:443", true},
		{"https", "127.0.0.1:443", true},
		{"", "1.1.1.1:443", false},
	} {
		if err := control(true)(withScheme(t.Context(), tt.scheme), "tcp", tt.address, nil); tt.want != (err == nil) {
			t.Errorf("%s to %s: %v", tt.scheme, tt.address, err)
		}
	}
	// The scheme must arrive at the dialer. 192.0.2.1 is special, so nothing is dialled.
	if _, err := fetch(t.Context(), newClient(true), "http://192.0.2.1/", nil); err == nil || !strings.Contains(err.Error(), "may not be asked by http;") {
		t.Errorf("the error is %v", err)
	}
}

// TestTransport checks that no proxy of the environment is used, and no http without permission.
func TestTransport(t *testing.T) {
	t.Parallel()
	client := newClient(false)
	g, ok := client.Transport.(*guard)
	if !ok {
		t.Fatalf("the transport is %T", client.Transport)
	}
	if g.base.Proxy != nil {
		t.Error("requests can go through a proxy")
	}
	for _, address := range []string{"http://example.com/", "ftp://example.com/", "file:///etc/passwd"} {
		if _, err := fetch(t.Context(), client, address, nil); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "no https URL") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestGoogle checks the claim hd. An address of an organization proves nothing at Google, which gives accounts to all addresses.
func TestGoogle(t *testing.T) {
	t.Parallel()
	p := &Provider{settings: Settings{Type: TypeOIDC, Issuer: googleIssuer, HostedDomains: []string{"example.com"}}.withDefaults()}
	for _, tt := range []struct {
		hd      any
		allowed bool
	}{{"example.com", true}, {"Example.com", true}, {nil, false}, {"", false}, {"other.example", false}, {[]any{"example.com"}, false}} {
		claims := members{"sub": "1", "email": "ada@example.com", "email_verified": true, "hd": tt.hd}
		i, err := p.identity(&verified{issuer: googleIssuer, claims: claims}, claims)
		if tt.allowed != (err == nil) || tt.allowed != (i != nil) || !tt.allowed && !errors.Is(err, ErrDomain) {
			t.Errorf("hd %v: %v, %v", tt.hd, i, err)
		}
	}
}

// TestReadKey checks which keys of a set are left out.
func TestReadKey(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	small := &rsa.PublicKey{N: new(big.Int).Add(new(big.Int).Lsh(big.NewInt(1), 1023), big.NewInt(1)), E: 65537}
	for name, tt := range map[string]struct {
		jwk       jose.JSONWebKey
		algorithm string
		want      bool
	}{
		"fits":            {jose.JSONWebKey{Key: ec.Public()}, "ES384", true},
		"for signatures":  {jose.JSONWebKey{Key: ec.Public(), Use: "sig"}, "ES384", true},
		"for encryption":  {jose.JSONWebKey{Key: ec.Public(), Use: "enc"}, "ES384", false},
		"another curve":   {jose.JSONWebKey{Key: ec.Public()}, "ES256", false},
		"another type":    {jose.JSONWebKey{Key: ec.Public()}, "RS256", false},
		"private":         {jose.JSONWebKey{Key: ec}, "ES384", false},
		"symmetric":       {jose.JSONWebKey{Key: []byte(strings.Repeat("x", 32))}, "HS256", false},
		"1024 bits":       {jose.JSONWebKey{Key: small}, "RS256", false},
		"1024 bits (PSS)": {jose.JSONWebKey{Key: small}, "PS256", false},
	} {
		text, err := json.Marshal(tt.jwk)
		if err != nil {
			t.Fatal(err)
		}
		object, err := jsonobject.Read(text)
		if err != nil {
			t.Fatal(err)
		}
		k, ok := readKey(object)
		if got := ok && fits(k.public, tt.algorithm); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
	for _, value := range []any{nil, "x", map[string]any{}, map[string]any{"kty": "OKP", "crv": "Ed448", "x": "AA"}} {
		if _, ok := readKey(value); ok {
			t.Errorf("%v is a key", value)
		}
	}
}

// TestTenantKey checks that a key of one tenant of Entra does not sign for another.
func TestTenantKey(t *testing.T) {
	t.Parallel()
	const tenant, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "11111111-2222-3333-4444-555555555555"
	issuer := func(tenant string) string { return "https://login.microsoftonline.com/" + tenant + "/v2.0" }
	p := &Provider{settings: Settings{Type: TypeEntra, Issuer: issuer("common"), Tenants: []string{tenant}}}
	for signer, ok := range map[string]bool{"": true, issuer(tenantID): true, issuer(tenant): true, issuer(other): false} {
		err := p.checkTenant(&verified{claims: members{"tid": tenant}}, issuer(tenant), key{issuer: signer})
		if ok != (err == nil) {
			t.Errorf("a key of %q: %v", signer, err)
		}
	}
}
