package token

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const testClientID = "0199f0c5-client"

func TestClientRoundTrip(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	raw, err := a.SignClient(testClientID, "")
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.VerifyClient(raw)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.ID) < 26 {
		t.Errorf("jti is %q, want a unique one", got.ID)
	}
	want := &ClientClaims{
		Issuer: testIssuer, Audience: testAudience, ClientID: testClientID, ID: got.ID,
		IssuedAt: testNow, ExpiresAt: testNow.Add(a.TTL()),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if _, err := a.SignClient("", ""); err == nil {
		t.Error("a token for no client was signed")
	}
	if _, err := a.SignClient(testClientID, "https://other.example"); err == nil {
		t.Error("a token for an unknown audience was signed")
	}
}

// TestKindsOfTokens checks that tokens of users and of clients are not accepted as each other.
func TestKindsOfTokens(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	user, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	client, err := a.SignClient(testClientID, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(client); !errors.Is(err, ErrInvalid) {
		t.Errorf("Verify of a client's token: %v, want ErrInvalid", err)
	}
	if _, err := a.VerifyClient(user); !errors.Is(err, ErrInvalid) {
		t.Errorf("VerifyClient of a user's token: %v, want ErrInvalid", err)
	}
}

func TestVerifyClientExpiry(t *testing.T) {
	key := newTestKey(t)
	raw, err := newTestAuthority(t, key, testNow).SignClient(testClientID, "")
	if err != nil {
		t.Fatal(err)
	}
	end := testNow.Add(testTTL + MaxLeeway)
	if _, err := newTestAuthority(t, key, end.Add(-time.Second)).VerifyClient(raw); err != nil {
		t.Errorf("before the end: %v", err)
	}
	if _, err := newTestAuthority(t, key, end).VerifyClient(raw); !errors.Is(err, ErrExpired) {
		t.Errorf("at the end: %v, want ErrExpired", err)
	}
	if _, err := newTestAuthority(t, key, testNow.Add(-MaxLeeway-time.Second)).VerifyClient(raw); !errors.Is(err, ErrInvalid) {
		t.Errorf("before it was issued: %v, want ErrInvalid", err)
	}
}

func TestVerifyClientRefuses(t *testing.T) {
	const header = `{"typ":"at+jwt","alg":"HS256"}`
	good := fmt.Sprintf(`"iss":%q,"aud":%q,"sub":"c","client_id":"c","iat":%d,"exp":%d,"jti":"j"`,
		testIssuer, testAudience, testNow.Unix(), testNow.Add(time.Minute).Unix())
	without := func(member string) string {
		rest := strings.Replace(good, member, "", 1)
		if rest == good {
			t.Fatalf("the claims do not have %s", member)
		}
		return strings.Trim(strings.Replace(rest, ",,", ",", 1), ",")
	}
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	if _, err := a.VerifyClient(forge(t, key, header, "{"+good+"}")); err != nil {
		t.Fatalf("the claims before a case changes them: %v", err)
	}
	tests := map[string]struct{ header, claims string }{
		"session":           {header, good + `,"sid":"s"`},
		"roles":             {header, good + `,"roles":[]`},
		"auth_time":         {header, good + `,"auth_time":1`},
		"nbf":               {header, good + `,"nbf":1`},
		"other subject":     {header, without(`"sub":"c"`) + `,"sub":"user"`},
		"no subject":        {header, without(`"sub":"c"`)},
		"no client":         {header, without(`"client_id":"c"`)},
		"no id":             {header, without(`"jti":"j"`)},
		"no issuer":         {header, without(fmt.Sprintf(`"iss":%q`, testIssuer))},
		"no audience":       {header, without(fmt.Sprintf(`"aud":%q`, testAudience))},
		"no expiry":         {header, without(fmt.Sprintf(`"exp":%d`, testNow.Add(time.Minute).Unix()))},
		"no time of issue":  {header, without(fmt.Sprintf(`"iat":%d`, testNow.Unix()))},
		"other issuer":      {header, without(fmt.Sprintf(`"iss":%q`, testIssuer)) + `,"iss":"https://evil.example"`},
		"audiences":         {header, without(fmt.Sprintf(`"aud":%q`, testAudience)) + `,"aud":["https://api.example"]`},
		"claim twice":       {header, good + `,"sub":"c"`},
		"claim in capitals": {header, good + `,"SID":"s"`},
		"expiry as text":    {header, without(fmt.Sprintf(`"exp":%d`, testNow.Add(time.Minute).Unix())) + `,"exp":"9999999999"`},
		"typ of others":     {`{"typ":"JWT","alg":"HS256"}`, good},
		"crit":              {`{"typ":"at+jwt","alg":"HS256","crit":["x"]}`, good},
		"alg none":          {`{"typ":"at+jwt","alg":"none"}`, good},
		"foreign kid":       {`{"typ":"at+jwt","alg":"HS256","kid":"k"}`, good},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if _, err := a.VerifyClient(forge(t, key, tt.header, "{"+tt.claims+"}")); !errors.Is(err, ErrInvalid) {
				t.Errorf("VerifyClient: %v, want ErrInvalid", err)
			}
		})
	}
	other := newRawKey(t, []byte("another key of thirty-two bytes!"))
	for name, raw := range map[string]string{
		"other key":     forge(t, other, header, "{"+good+"}"),
		"empty":         "",
		"two segments":  "a.b",
		"four segments": forge(t, key, header, "{"+good+"}") + ".a",
		"too long":      strings.Repeat("a", maxSize+1),
		"no base64":     "?.?.?",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := a.VerifyClient(raw); !errors.Is(err, ErrInvalid) {
				t.Errorf("VerifyClient: %v, want ErrInvalid", err)
			}
		})
	}
}

// FuzzVerifyClient looks for a token that both Verify and VerifyClient accept.
func FuzzVerifyClient(f *testing.F) {
	key := newTestKey(f)
	a := newTestAuthority(f, key, testNow)
	for _, claims := range []string{
		fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"c","client_id":"c","iat":1,"exp":9999999999,"jti":"j"}`, testIssuer, testAudience),
		fmt.Sprintf(`{"iss":%q,"aud":%q,"sub":"c","client_id":"c","iat":1,"exp":9999999999,"jti":"j","sid":"s","auth_time":1,"roles":[]}`, testIssuer, testAudience),
	} {
		f.Add(claims)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		raw := forge(t, key, `{"typ":"at+jwt","alg":"HS256"}`, claims)
		client, err := a.VerifyClient(raw)
		if err != nil {
			if !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrExpired) {
				t.Errorf("an error of another kind: %v", err)
			}
			return
		}
		if client.ClientID == "" {
			t.Error("no client")
		}
		if _, err := a.Verify(raw); err == nil {
			t.Error("both kinds of verification accept the token")
		}
	})
}
