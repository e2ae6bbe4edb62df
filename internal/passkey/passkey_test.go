package passkey

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestNew(t *testing.T) {
	t.Parallel()
	valid := Options{ID: "example.com", Name: "Example", Origins: []string{"https://example.com"}}
	tests := map[string]struct {
		change func(*Options)
		want   string // part of the error, "" for none
	}{
		"valid":               {func(*Options) {}, ""},
		"port of an origin":   {func(o *Options) { o.Origins = []string{"https://app.example.com:8443"} }, ""},
		"another domain":      {func(o *Options) { o.Origins = []string{"https://example.net"} }, ""},
		"localhost":           {func(o *Options) { o.ID, o.Origins = "localhost", []string{"http://localhost:8080"} }, ""},
		"below localhost":     {func(o *Options) { o.ID, o.Origins = "localhost", []string{"http://a.localhost"} }, ""},
		"no RP ID":            {func(o *Options) { o.ID = "" }, `RP ID "" must be a domain`},
		"scheme":              {func(o *Options) { o.ID = "https://example.com" }, "scheme"},
		"port":                {func(o *Options) { o.ID = "example.com:443" }, "port"},
		"path":                {func(o *Options) { o.ID = "example.com/" }, "path"},
		"IP address":          {func(o *Options) { o.ID = "127.0.0.1" }, "IP address"},
		"no domain":           {func(o *Options) { o.ID = "com" }, "domain"},
		"upper case":          {func(o *Options) { o.ID = "Example.com" }, "lower case"},
		"no name":             {func(o *Options) { o.Name = "" }, "name"},
		"no origin":           {func(o *Options) { o.Origins = nil }, "https://example.com"},
		"empty origin":        {func(o *Options) { o.Origins = []string{""} }, "https://"},
		"origin by name":      {func(o *Options) { o.Origins = []string{"example.com"} }, "https://"},
		"origin of an app":    {func(o *Options) { o.Origins = []string{"android:apk-key-hash:x"} }, "https://"},
		"any origin":          {func(o *Options) { o.Origins = []string{"https://*.example.com/"} }, "https://"},
		"slash":               {func(o *Options) { o.Origins = []string{"https://example.com/"} }, "write it: https://example.com"},
		"default port":        {func(o *Options) { o.Origins = []string{"https://example.com:443"} }, "write it: https://example.com"},
		"origin's upper case": {func(o *Options) { o.Origins = []string{"https://Example.com"} }, "write it: https://example.com"},
		"user":                {func(o *Options) { o.Origins = []string{"https://a@example.com"} }, "write it: https://example.com"},
		"http":                {func(o *Options) { o.Origins = []string{"http://example.com"} }, "must use https"},
		"http, not localhost": {func(o *Options) { o.Origins = []string{"http://notlocalhost"} }, "must use https"},
		"http elsewhere":      {func(o *Options) { o.Origins = []string{"http://localhost:8080"} }, "needs localhost as the RP ID"},
		"origin's IP address": {func(o *Options) { o.Origins = []string{"http://127.0.0.1:8080"} }, "http://localhost"},
		"IPv6 address":        {func(o *Options) { o.Origins = []string{"https://[::1]"} }, "IP address"},
		"too many domains": {func(o *Options) {
			o.Origins = strings.Fields("https://a.org https://b.org https://c.org https://d.org https://e.org https://f.org")
		}, "6 distinct"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := valid
			test.change(&options)
			_, err := New(options)
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestRelatedOrigins(t *testing.T) {
	t.Parallel()
	if got, want := string(newParty(t).RelatedOrigins()),
		`{"origins":["https://example.com","https://app.example.com","https://example.net"]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for origin, related := range map[string]bool{
		"https://example.com": false, "https://a.b.example.com:8443": false, "https://notexample.com": true,
	} {
		p, err := New(Options{ID: "example.com", Name: "Example", Origins: []string{origin}})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.RelatedOrigins(); (got != nil) != related {
			t.Errorf("%s: got %s", origin, got)
		}
	}
}

// TestCredentialJSON checks the names under which credentials are stored.
func TestCredentialJSON(t *testing.T) {
	t.Parallel()
	yes := true
	stored := `{"id":"AQ==","public_key":"Ag==","sign_count":3,"transports":["usb"],"backup_eligible":true,"backed_up":true,` +
		`"aaguid":"04000000-0000-0000-0000-000000000000","discoverable":true}`
	c := Credential{[]byte{1}, []byte{2}, 3, []string{"usb"}, true, true, [16]byte{4}, &yes}
	got, err := json.Marshal(c)
	if err != nil || string(got) != stored {
		t.Errorf("got %s (%v)\nwant %s", got, err, stored)
	}
}
