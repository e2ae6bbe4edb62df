package mail

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net"
	"strings"
	"testing"
)

// TestProbe signs in to servers without a mail.
func TestProbe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		server *server
		want   string
	}{
		"fine":           {&server{}, ""},
		"wrong password": {&server{mechanisms: []string{"PLAIN"}, password: "other"}, "authentication: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := tt.server.start(t, nil)
			err := m.Probe(t.Context())
			if (err == nil) != (tt.want == "") || err != nil && !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// TestCheckDKIM compares keys with records as they are published, in parts and with other tags.
func TestCheckDKIM(t *testing.T) {
	t.Parallel()
	for name, generate := range map[string]func() (crypto.Signer, error){
		"rsa":     func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) },
		"ed25519": ed25519Key,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, err := generate()
			if err != nil {
				t.Fatal(err)
			}
			m := newMailer(t, func(o *Options) { o.DKIM = DKIM{KeyFile: writeKey(t, key), Selector: "usher", Domain: "example.com"} })
			record := m.DKIMRecord()
			_, value, _ := strings.Cut(record, "p=")
			for name, tt := range map[string]struct {
				records []string
				err     error
				want    string // part of the error
			}{
				"published":     {records: []string{record}},
				"other records": {records: []string{"v=spf1 -all", record}},
				"spaces":        {records: []string{strings.ReplaceAll(record, "p=", "t=s; p = ") + " ; n=x"}},
				"revoked":       {records: []string{strings.TrimSuffix(record, value)}, want: "another key"},
				"other key":     {records: []string{record[:len(record)-12] + "AAAAAAAAAAA="}, want: "another key"},
				"none":          {want: "another key"},
				"unknown":       {err: &net.DNSError{IsNotFound: true}, want: "no record"},
				"no DNS":        {err: &net.DNSError{IsTimeout: true}, want: ErrDKIMUnknown.Error()},
			} {
				at, err := m.CheckDKIM(t.Context(), func(context.Context, string) ([]string, error) { return tt.records, tt.err })
				if at != "usher._domainkey.example.com" || (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%s: %s, %v, want %q", name, at, err, tt.want)
				}
				if errors.Is(err, ErrDKIMUnknown) != (name == "no DNS") {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}
