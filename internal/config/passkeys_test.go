package config

import (
	"encoding/json"
	"strings"
	"testing"

	"usher/internal/passkey"
)

// TestPasskeyParty reads the party back from what it tells browsers.
func TestPasskeyParty(t *testing.T) {
	t.Parallel()
	const off = "off"
	for name, tt := range map[string]struct {
		issuer  string
		id      string
		origins Origins
		allowed Origins
		want    string // the RP ID, "off", or a part of the error
		related string // what /.well-known/webauthn lists
	}{
		"the issuer":              {issuer: "https://Auth.example.com:443/usher", want: "auth.example.com"},
		"a page below":            {issuer: "https://example.com", allowed: Origins{"https://app.example.com"}, want: "example.com"},
		"a page of another site":  {issuer: "https://example.com", allowed: Origins{"https://example.org"}, want: "example.com", related: "https://example.com https://example.org"},
		"pages without passkeys":  {issuer: "https://example.com", allowed: Origins{"http://app.example.com", "https://192.0.2.1"}, want: "example.com"},
		"development":             {issuer: "http://localhost:8080", want: "localhost"},
		"an address":              {issuer: "http://127.0.0.1:8080", want: off},
		"an address of version 6": {issuer: "http://[::1]:8080", want: off},
		"without https":           {issuer: "http://auth.example.com", want: off},
		"a domain above":          {issuer: "https://auth.example.com", id: "example.com", want: "example.com"},
		"an address with a choice": {
			issuer: "http://127.0.0.1:8080", id: "localhost", origins: Origins{"http://localhost:8080"}, want: "localhost",
		},
		"origins alone":            {issuer: "https://auth.example.com", origins: Origins{"https://auth.example.com"}, allowed: Origins{"https://example.org"}, want: "auth.example.com"},
		"a wrong domain":           {issuer: "https://auth.example.com", id: "https://example.com", want: "--passkey-rp-id and --passkey-origins: "},
		"an origin without https":  {issuer: "https://example.com", origins: Origins{"http://example.com"}, want: "--passkey-rp-id and --passkey-origins: "},
		"a domain without https":   {issuer: "http://auth.example.com", id: "example.com", want: "--passkey-rp-id and --passkey-origins: "},
		"an address and no domain": {issuer: "https://192.0.2.1", origins: Origins{"https://example.com"}, want: "--passkey-rp-id and --passkey-origins: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &Server{Issuer: tt.issuer, Passkeys: Passkeys{PasskeyRPID: tt.id, PasskeyOrigins: tt.origins}, AllowedOrigins: tt.allowed}
			party, err := s.PasskeyParty()
			invalid := s.validatePasskeys()
			switch {
			case (err == nil) != (invalid == nil):
				t.Errorf("PasskeyParty: %v, and the validation: %v", err, invalid)
			case strings.HasPrefix(tt.want, "--"):
				if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
					t.Errorf("error %v, want %q", err, tt.want)
				}
			case err != nil:
				t.Error(err)
			case party == nil || tt.want == off:
				if (party == nil) != (tt.want == off) {
					t.Errorf("party %v, want %s", party, tt.want)
				}
			default:
				wantParty(t, party, tt.want, tt.related)
			}
		})
	}
}

func wantParty(t *testing.T, party *passkey.Party, id, related string) {
	t.Helper()
	options, _, err := party.Login(nil, true)
	if err != nil {
		t.Fatal(err)
	}
	var told struct {
		RPID    string   `json:"rpId"`
		Origins []string `json:"origins"`
	}
	if err := json.Unmarshal(options, &told); err != nil {
		t.Fatal(err)
	}
	if list := party.RelatedOrigins(); list != nil {
		if err := json.Unmarshal(list, &told); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(told.Origins, " "); told.RPID != id || got != related {
		t.Errorf("the RP ID %q with the related origins %q, want %q with %q", told.RPID, got, id, related)
	}
}

// TestIssuerOrigin checks that the origin of the console is written as browsers write it, and as PasskeyParty compares it.
func TestIssuerOrigin(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://auth.example.com":          "https://auth.example.com",
		"https://AUTH.example.com:443/path": "https://auth.example.com",
		"https://auth.example.com:8443":     "https://auth.example.com:8443",
		"http://localhost:8080/":            "http://localhost:8080",
		"https://%zz":                       "",
	} {
		s := &Server{Issuer: issuer}
		if got := s.IssuerOrigin(); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
		if party, err := s.PasskeyParty(); want != "" && (err != nil || !party.Allows(want) || party.Allows(want+"1")) {
			t.Errorf("%s: its console cannot use passkeys, or another page can (%v)", issuer, err)
		}
	}
	s := &Server{Issuer: "https://auth.example.com", Passkeys: Passkeys{PasskeyRPID: "example.com", PasskeyOrigins: Origins{"https://app.example.com"}}}
	if party, err := s.PasskeyParty(); err != nil || party.Allows(s.IssuerOrigin()) {
		t.Errorf("the console can use passkeys of other pages (%v)", err)
	}
}
