package passkey

import (
	"errors"
	"strings"
	"testing"
)

func TestCredentialIDRejects(t *testing.T) {
	t.Parallel()
	const valid = `{"id":"AQID","rawId":"AQID","type":"public-key","response":{"userHandle":"BAU"}}`
	replace := func(part, by string) string { return strings.Replace(valid, part, by, 1) }
	for name, test := range map[string]struct {
		response string
		want     error
	}{
		"valid":              {valid, nil},
		"spaces":             {" \n" + valid + "\t", nil},
		"16 KiB":             {valid + strings.Repeat(" ", 16<<10-len(valid)), nil},
		"16 KiB and a byte":  {valid + strings.Repeat(" ", 16<<10-len(valid)+1), ErrResponse},
		"empty":              {"", ErrResponse},
		"no object":          {"[" + valid + "]", ErrResponse},
		"null":               {"null", ErrResponse},
		"cut":                {valid[:len(valid)-1], ErrResponse},
		"another after it":   {valid + valid, ErrResponse},
		"byte order mark":    {"\ufeff" + valid, ErrResponse},
		"not UTF-8":          {replace("BAU", "\xff"), ErrResponse},
		"two ids":            {replace(`"id"`, `"id":"AQID","id"`), ErrResponse},
		"two user handles":   {replace(`"userHandle"`, `"userHandle":"BAU","userHandle"`), ErrResponse},
		"id in capitals too": {replace(`"id"`, `"ID":"BBBB","id"`), nil},
		"id in capitals":     {replace(`"id"`, `"ID"`), ErrResponse},
		"escaped name":       {replace(`"id"`, `"\u0069d"`), nil},
		"no id":              {replace(`"id":"AQID",`, ""), ErrResponse},
		"no rawId":           {replace(`"rawId":"AQID",`, ""), ErrResponse},
		"no type":            {replace(`"type":"public-key",`, ""), ErrResponse},
		"no response":        {replace(`,"response":{"userHandle":"BAU"}`, ""), ErrResponse},
		"number as id":       {replace(`"id":"AQID"`, `"id":1`), ErrResponse},
		"number as handle":   {replace(`"BAU"`, `1`), ErrResponse},
		"handle, padded":     {replace(`"BAU"`, `"BAU="`), ErrResponse},
		"handle, loose bits": {replace(`"BAU"`, `"BAV"`), ErrResponse},
		"handle, line break": {replace(`"BAU"`, `"BAU\n"`), ErrResponse},
		"empty id":           {strings.ReplaceAll(valid, "AQID", ""), ErrResponse},
		"id of 1024 bytes":   {strings.ReplaceAll(valid, "AQID", encode(make([]byte, 1024))), ErrResponse},
		"id of 1023 bytes":   {strings.ReplaceAll(valid, "AQID", encode(make([]byte, 1023))), nil},
		"handle of 64 bytes": {replace("BAU", encode(make([]byte, 64))), nil},
		"handle of 65 bytes": {replace("BAU", encode(make([]byte, 65))), ErrResponse},
	} {
		id, handle, err := CredentialID(test.response)
		if !errors.Is(err, test.want) || (id == nil) != (err != nil) || err != nil && handle != nil {
			t.Errorf("%s: %x, %x, %s, want %v", name, id, handle, cause(err), test.want)
		}
	}
}

// TestErrorsQuoteNothing checks that neither an error nor its cause has text out of a response.
func TestErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	p, d := newParty(t), newDevice()
	c := register(t, p, d)
	options, state := begun(t)(p.Login(nil, true))
	valid := d.sign(t, options)
	responses := []string{
		secret, `{"` + secret + `":1,"` + secret + `":2}`, valid + secret,
		edit(t, valid, func(m map[string]any) { m["type"] = secret }),
		edit(t, valid, func(m map[string]any) { m["id"] = secret + "=" }),
		clientData(t, valid, func(m map[string]any) { m["challenge"] = secret }),
		clientData(t, valid, func(m map[string]any) { m["type"] = secret }),
		clientData(t, valid, func(m map[string]any) { m["origin"] = "https://" + secret }),
		clientData(t, valid, func(m map[string]any) { m["crossOrigin"] = secret }),
		member(t, valid, "signature", func([]byte) []byte { return []byte(secret) }),
		member(t, valid, "authenticatorData", func([]byte) []byte { return []byte(secret) }),
	}
	for _, response := range responses {
		_, err := p.Verify(state, c, alice.Handle, response)
		if text := cause(err); err == nil || strings.Contains(text, secret) {
			t.Errorf("%s: %s", response, text)
		}
		if text := err.Error(); text != ErrResponse.Error() && text != ErrVerification.Error() {
			t.Errorf("%s: the error shows its cause: %s", response, text)
		}
		if errors.Unwrap(err) == nil {
			t.Errorf("%s: %v has no cause", response, err)
		}
	}
	options, state = begun(t)(p.Registration(alice, nil))
	created := d.create(t, options)
	for _, response := range []string{
		attestation(t, created, func(a map[string]any) { a["fmt"] = []any{secret} }),
		attestation(t, created, func(a map[string]any) { a["attStmt"] = secret }),
		withKey(t, d, created, map[int]any{1: 2, 3: secret}),
		withKey(t, d, created, map[string]any{secret: secret}),
		withKey(t, d, created, secret),
		member(t, created, "attestationObject", func([]byte) []byte { return []byte("\xa2\x67" + secret + "\x01\x67" + secret + "\x02") }),
	} {
		if _, err := p.Register(state, alice.Handle, response); err == nil || strings.Contains(cause(err), secret) {
			t.Errorf("%s: %s", response, cause(err))
		}
	}
}
