package provider_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/provider"
)

// TestParse reads all fields, and fills in the defaults.
func TestParse(t *testing.T) {
	t.Parallel()
	got, err := provider.Parse([]byte(` [
		{"id":"google","name":"Google","issuer":"https://accounts.google.com","clientId":"x.apps.googleusercontent.com","clientSecretFile":"/s/google",
		 "scopes":["openid","email"],"claims":{"email":"mail","emailVerified":"mail_ok","name":"n","locale":"l"},"hostedDomains":["example.com"],
		 "trustEmail":true,"linkByEmail":true,"signup":false,"audiences":["ios"],"trustedAcr":["2"],"trustedAmr":["mfa"],
		 "parameters":{"prompt":"select_account"}},
		{"id":"plain","name":"Plain","type":"oauth2","clientId":"x","claims":{"subject":"id"},"allowPrivateAddresses":true,
		 "authorizationEndpoint":"http://a.example/a?x=1","tokenEndpoint":"http://a.example/t","userinfoEndpoint":"http://a.example/u"},
		{"id":"github","name":"GitHub","type":"github","clientId":"x","clientSecretFile":"/s/github"},
		{"id":"apple","name":"Apple","type":"apple","clientId":"com.example","teamId":"T","keyId":"K","privateKeyFile":"/s/apple.p8"},
		{"id":"entra","name":"Microsoft","type":"entra","issuer":"https://login.microsoftonline.com/organizations/v2.0","clientId":"x",
		 "clientSecretFile":"/s/entra","tenants":["72f988bf-86f1-41af-91ab-2d7cd011db47"]}
	] `))
	if err != nil {
		t.Fatal(err)
	}
	no := false
	claims := provider.ClaimMapping{Subject: "sub", Email: "email", EmailVerified: "email_verified", Name: "name", Locale: "locale"}
	byID := claims
	byID.Subject = "id"
	scopes := []string{"openid", "email", "profile"}
	want := []provider.Settings{
		{
			ID: "google", Name: "Google", Type: "oidc", Issuer: "https://accounts.google.com", ClientID: "x.apps.googleusercontent.com", ClientSecretFile: "/s/google",
			Scopes: []string{"openid", "email"}, Claims: provider.ClaimMapping{Subject: "sub", Email: "mail", EmailVerified: "mail_ok", Name: "n", Locale: "l"},
			HostedDomains: []string{"example.com"}, TrustEmail: true, LinkByEmail: true, Signup: &no, Audiences: []string{"ios"}, TrustedACR: []string{"2"},
			TrustedAMR: []string{"mfa"}, Parameters: map[string]string{"prompt": "select_account"},
		},
		{
			ID: "plain", Name: "Plain", Type: "oauth2", Issuer: "http://a.example", ClientID: "x", Claims: byID, AllowPrivateAddresses: true,
			AuthorizationEndpoint: "http://a.example/a?x=1", TokenEndpoint: "http://a.example/t", UserinfoEndpoint: "http://a.example/u",
		},
		{
			ID: "github", Name: "GitHub", Type: "github", Issuer: "https://github.com/login/oauth", ClientID: "x", ClientSecretFile: "/s/github",
			Scopes: []string{"read:user", "user:email"}, Claims: claims, AuthorizationEndpoint: "https://github.com/login/oauth/authorize",
			TokenEndpoint: "https://github.com/login/oauth/access_token", UserinfoEndpoint: "https://api.github.com/user", EmailsEndpoint: "https://api.github.com/user/emails",
		},
		{
			ID: "apple", Name: "Apple", Type: "apple", Issuer: "https://appleid.apple.com", ClientID: "com.example", Scopes: []string{"openid", "email", "name"},
			Claims: claims, TeamID: "T", KeyID: "K", PrivateKeyFile: "/s/apple.p8",
		},
		{
			ID: "entra", Name: "Microsoft", Type: "entra", Issuer: "https://login.microsoftonline.com/organizations/v2.0", ClientID: "x",
			ClientSecretFile: "/s/entra", Scopes: scopes, Claims: claims, Tenants: []string{"72f988bf-86f1-41af-91ab-2d7cd011db47"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err := provider.Parse([]byte("[]")); err != nil || len(got) != 0 {
		t.Errorf("an empty list: %v, %v", got, err)
	}
}

// TestParseProblems checks that all problems are named, and that no value is quoted.
func TestParseProblems(t *testing.T) {
	t.Parallel()
	oidc := func(more string) string {
		return `{"id":"a","name":"A","issuer":"https://a.example","clientId":"x"` + more + `}`
	}
	entra := func(issuer, more string) string {
		return `{"id":"a","name":"A","type":"entra","clientId":"x","issuer":"` + issuer + `"` + more + `}`
	}
	const microsoft = "https://login.microsoftonline.com/"
	const tenant, other = "72f988bf-86f1-41af-91ab-2d7cd011db47", "11111111-2222-3333-4444-555555555555"
	for name, tt := range map[string]struct {
		entries string
		want    []string
	}{
		"no object":                {`1`, []string{"provider 1: not an object"}},
		"nothing":                  {`{}`, []string{"provider 1: id must", "name must", "clientId must", "issuer must be a URL"}},
		"two":                      {oidc(`,"scopes":["email"],"linkByEmail":true`) + `,` + oidc(``), []string{"provider a: scopes must contain openid", "linkByEmail needs trustEmail", "id occurs twice"}},
		"unknown":                  {oidc(`,"clientSecret":"hunter2"`), []string{`provider a: "clientSecret" is not known`}},
		"another case":             {oidc(`,"Scopes":[]`), []string{`"Scopes" is not known`}},
		"unknown claim":            {oidc(`,"claims":{"mail":"x"}`), []string{`claims."mail" is not known`}},
		"wrong types":              {oidc(`,"type":1,"scopes":"hunter2","signup":null,"audiences":[1],"claims":[],"parameters":{"x":1},"trustEmail":"true"`), []string{`"type" must be text`, `"scopes" must be a list`, `"signup" must be true or false`, `"audiences" must be a list`, `"claims" must be an object`, `"x" must be text`, `"trustEmail" must be`}},
		"bad id":                   {`{"id":"-a","name":"A","issuer":"https://a.example","clientId":"x"}`, []string{"provider 1: id must"}},
		"long id":                  {`{"id":"` + strings.Repeat("a", 33) + `","name":"A","issuer":"https://a.example","clientId":"x"}`, []string{"id must"}},
		"name of two lines":        {`{"id":"a","name":"A\nB","issuer":"https://a.example","clientId":"x"}`, []string{"name must"}},
		"unknown type":             {oidc(`,"type":"saml"`), []string{"type must be"}},
		"http":                     {`{"id":"a","name":"A","issuer":"http://a.example","clientId":"x"}`, []string{"issuer must be an https URL"}},
		"password in the issuer":   {`{"id":"a","name":"A","issuer":"https://u:hunter2@a.example","clientId":"x"}`, []string{"issuer must be a URL"}},
		"query in the issuer":      {`{"id":"a","name":"A","issuer":"https://a.example?hunter2","clientId":"x"}`, []string{"issuer must be a URL without a query"}},
		"fragment in the issuer":   {`{"id":"a","name":"A","issuer":"https://a.example#x","clientId":"x"}`, []string{"issuer must be a URL"}},
		"space in the issuer":      {`{"id":"a","name":"A","issuer":"https://a.example/ x","clientId":"x"}`, []string{"issuer must be a URL"}},
		"bad scope":                {oidc(`,"scopes":["openid","a b"]`), []string{"scopes has a value"}},
		"subject of OIDC":          {oidc(`,"claims":{"subject":"email"}`), []string{"claims.subject is for type oauth2"}},
		"domain with an @":         {oidc(`,"hostedDomains":["@example.com"]`), []string{"hostedDomains has a value"}},
		"domain in upper case":     {oidc(`,"hostedDomains":["Example.com"]`), []string{"hostedDomains has a value"}},
		"state":                    {oidc(`,"parameters":{"state":"x"}`), []string{"parameters must not contain"}},
		"request object":           {oidc(`,"parameters":{"request_uri":"x"}`), []string{"parameters must not contain"}},
		"parameter of two lines":   {oidc(`,"parameters":{"x":"a\nb"}`), []string{"parameters must be one line"}},
		"endpoints of OIDC":        {oidc(`,"tokenEndpoint":"https://a.example"`), []string{"endpoints are for"}},
		"tenants of OIDC":          {oidc(`,"tenants":["` + tenant + `"]`), []string{"tenants are for type entra"}},
		"key of OIDC":              {oidc(`,"teamId":"T"`), []string{"are for type apple"}},
		"list of addresses":        {oidc(`,"emailsEndpoint":"https://a.example"`), []string{"emailsEndpoint is for type github"}},
		"no endpoints":             {`{"id":"a","name":"A","type":"oauth2","clientId":"x","issuer":"https://a.example"}`, []string{"each endpoint must be a URL"}},
		"http endpoint":            {`{"id":"a","name":"A","type":"oauth2","clientId":"x","authorizationEndpoint":"https://a.example","tokenEndpoint":"http://a.example","userinfoEndpoint":"https://a.example"}`, []string{"each endpoint must be an https URL"}},
		"audiences of OAuth 2.0":   {`{"id":"a","name":"A","type":"oauth2","clientId":"x","audiences":["x"],"authorizationEndpoint":"https://a.example","tokenEndpoint":"https://a.example","userinfoEndpoint":"https://a.example"}`, []string{"need ID tokens"}},
		"GitHub without a secret":  {`{"id":"a","name":"A","type":"github","clientId":"x"}`, []string{"clientSecretFile is required"}},
		"half of GitHub":           {`{"id":"a","name":"A","type":"github","clientId":"x","clientSecretFile":"f","issuer":"https://a.example","tokenEndpoint":"https://a.example"}`, []string{"each endpoint must be a URL"}},
		"claims of GitHub":         {`{"id":"a","name":"A","type":"github","clientId":"x","clientSecretFile":"f","claims":{"email":"x"}}`, []string{"claims are not for this type"}},
		"Apple with a secret":      {`{"id":"a","name":"A","type":"apple","clientId":"x","clientSecretFile":"f"}`, []string{"clientSecretFile must be empty", "teamId, keyId and privateKeyFile are required"}},
		"Entra without tenants":    {entra(microsoft+"common/v2.0", ``), []string{"tenants are required"}},
		"Entra of personal ones":   {entra(microsoft+"consumers/v2.0", ``), []string{"issuer must end in"}},
		"Entra of a domain":        {entra(microsoft+"example.com/v2.0", ``), []string{"issuer must end in"}},
		"Entra of version 1":       {entra(microsoft+tenant, ``), []string{"issuer must end in"}},
		"Entra of another tenant":  {entra(microsoft+tenant+"/v2.0", `,"tenants":["`+other+`"]`), []string{"tenants must be the one"}},
		"Entra with domains":       {entra(microsoft+tenant+"/v2.0", `,"hostedDomains":["example.com"]`), []string{"use tenants"}},
		"Entra with a flag":        {entra(microsoft+tenant+"/v2.0", `,"claims":{"emailVerified":"x"}`), []string{"claims.emailVerified is not for type entra"}},
		"a tenant that is none":    {entra(microsoft+"common/v2.0", `,"tenants":["example.com"]`), []string{"tenants has a value"}},
		"one issuer, two subjects": {oidc(``) + `,{"id":"b","name":"B","type":"oauth2","clientId":"x","issuer":"https://a.example","claims":{"subject":"login"},"authorizationEndpoint":"https://a.example","tokenEndpoint":"https://a.example","userinfoEndpoint":"https://a.example"}`, []string{"provider b: issuer is that of another provider"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list, err := provider.Parse([]byte("[" + tt.entries + "]"))
			if err == nil || list != nil {
				t.Fatalf("%+v, %v", list, err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error %q is not about %q", err, want)
				}
			}
			if lines := strings.Count(err.Error(), "\n") + 1; lines != len(tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error has %d problems, want %d:\n%v", lines, len(tt.want), err)
			}
		})
	}
	for _, text := range []string{"", "{}", "null", "[", "[}", `[],"x":[]`, `[{"id":"a","id":"b"}]`, "[" + strings.Repeat(" ", 300<<10) + "]", "[" + strings.Repeat("{},", 100) + "{}]"} {
		if list, err := provider.Parse([]byte(text)); err == nil {
			t.Errorf("%.20q: %v", text, list)
		}
	}
}

// TestSecrets checks the files of secrets.
func TestSecrets(t *testing.T) {
	t.Parallel()
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	oidc := provider.Settings{ID: "a", Name: "A", Issuer: "https://a.example", ClientID: "x"}
	apple := provider.Settings{ID: "a", Name: "A", Type: provider.TypeApple, ClientID: "x", TeamID: "T", KeyID: "K"}
	for name, tt := range map[string]struct {
		settings provider.Settings
		secret   string
		want     string
	}{
		"empty":            {oidc, "\n", "must have one line"},
		"two lines":        {oidc, "hunter2\nhunter2", "must have one line"},
		"giant":            {oidc, strings.Repeat("x", 17<<10), "must have one line"},
		"not PEM":          {apple, "hunter2", "not PEM"},
		"not a key":        {apple, "-----BEGIN PRIVATE KEY-----\naHVudGVyMg==\n-----END PRIVATE KEY-----\n", "not a PKCS #8 private key"},
		"key of Ed25519":   {apple, "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n", "not a key for ES256"},
		"settings are bad": {provider.Settings{ID: "a"}, "x", "provider a: name must"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tt.settings.Type == provider.TypeApple {
				tt.settings.PrivateKeyFile = file(tt.secret)
			} else {
				tt.settings.ClientSecretFile = file(tt.secret)
			}
			set, err := provider.New([]provider.Settings{tt.settings}, provider.Options{Redirect: redirect})
			if err == nil || set != nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "provider a: ") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v, %v", set, err)
			}
		})
	}
	oidc.ClientSecretFile = filepath.Join(t.TempDir(), "none")
	if _, err := provider.New([]provider.Settings{oidc}, provider.Options{Redirect: redirect}); err == nil {
		t.Error("a secret that does not exist was read")
	}
}
