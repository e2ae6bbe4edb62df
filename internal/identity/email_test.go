package identity_test

import (
	"net/mail"
	"strings"
	"testing"

	"usher/internal/identity"
)

var emailTests = []parseTest{
	// Valid addresses and their keys.
	{name: "plain", raw: "ada@example.com", display: "ada@example.com", key: "ada@example.com"},
	{name: "upper case", raw: "Ada@Example.COM", display: "Ada@example.com", key: "ada@example.com"},
	{name: "spaces around", raw: " ada@example.com  ", display: "ada@example.com", key: "ada@example.com"},
	{name: "dots and tag", raw: "a.da+News@example.com", display: "a.da+News@example.com", key: "a.da+news@example.com"},
	{name: "all of atext", raw: "!#$%&'*+-/?=^_`{|}~@example.com", display: "!#$%&'*+-/?=^_`{|}~@example.com", key: "!#$%&'*+-/?=^_`{|}~@example.com"},
	{name: "digits", raw: "1@2.example", display: "1@2.example", key: "1@2.example"},
	{name: "many labels", raw: "ada@a.b-c.d.example", display: "ada@a.b-c.d.example", key: "ada@a.b-c.d.example"},
	{name: "full-width", raw: "\uff21da@\uff25xample.com", display: "Ada@example.com", key: "ada@example.com"},
	{name: "decomposed", raw: "Jose\u0301@bu\u0308cher.example", display: "Jos\u00e9@b\u00fccher.example", key: "jos\u00e9@xn--bcher-kva.example"},
	{name: "domain in Unicode", raw: "ada@B\u00dcCHER.example", display: "ada@b\u00fccher.example", key: "ada@xn--bcher-kva.example"},
	{name: "domain in Punycode", raw: "ada@XN--BCHER-KVA.example", display: "ada@b\u00fccher.example", key: "ada@xn--bcher-kva.example"},
	{name: "domain in both", raw: "ada@xn--bcher-kva.b\u00fccher.example", display: "ada@b\u00fccher.b\u00fccher.example", key: "ada@xn--bcher-kva.xn--bcher-kva.example"},
	{name: "sharp s in domain", raw: "ada@stra\u00dfe.example", display: "ada@stra\u00dfe.example", key: "ada@xn--strae-oqa.example"},
	{name: "dotted capital I in domain", raw: "ada@\u0130.example", display: "ada@i\u0307.example", key: "ada@xn--i-9bb.example"},
	{name: "Hebrew domain", raw: "ada@\u05d0\u05d1.com", display: "ada@\u05d0\u05d1.com", key: "ada@xn--4dbc.com"},
	{name: "Hebrew local part", raw: "\u05d0\u05d1@example.com", display: "\u05d0\u05d1@example.com", key: "\u05d0\u05d1@example.com"},
	{name: "Cyrillic", raw: "\u0410\u043d\u043d\u0430@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444", display: "\u0410\u043d\u043d\u0430@\u043f\u043e\u0447\u0442\u0430.\u0440\u0444", key: "\u0430\u043d\u043d\u0430@xn--80a1acny.xn--p1ai"},
	{name: "a script for each word", raw: "\u0430\u043d\u043d\u0430.news@\u043f\u043e\u0447\u0442\u0430.com", display: "\u0430\u043d\u043d\u0430.news@\u043f\u043e\u0447\u0442\u0430.com", key: "\u0430\u043d\u043d\u0430.news@xn--80a1acny.com"},
	{name: "Japanese", raw: "\u7530\u4e2d@\u4f8b\u3048.jp", display: "\u7530\u4e2d@\u4f8b\u3048.jp", key: "\u7530\u4e2d@xn--r8jz45g.jp"},

	// Empty.
	{name: "empty", raw: "", err: identity.Required},
	{name: "spaces", raw: "  ", err: identity.Required},

	// Not one plain address.
	{name: "no at sign", raw: "ada.example.com", err: identity.InvalidFormat},
	{name: "at sign alone", raw: "@", err: identity.InvalidFormat},
	{name: "no local part", raw: "@example.com", err: identity.InvalidFormat},
	{name: "no domain", raw: "ada@", err: identity.InvalidFormat},
	{name: "two at signs", raw: "ada@lovelace@example.com", err: identity.InvalidFormat},
	{name: "full-width at sign", raw: "ada\uff20example.com", err: identity.InvalidFormat},
	{name: "full-width at sign in domain", raw: "ada@lovelace\uff20example.com", err: identity.InvalidFormat},
	{name: "display name", raw: "Ada <ada@example.com>", err: identity.InvalidFormat},
	{name: "angle brackets", raw: "<ada@example.com>", err: identity.InvalidFormat},
	{name: "mailto", raw: "mailto:ada@example.com", err: identity.InvalidFormat},
	{name: "two addresses", raw: "ada@example.com,eve@example.com", err: identity.InvalidFormat},
	{name: "two with a space", raw: "ada@example.com, eve@example.com", err: identity.InvalidFormat},
	{name: "two with a semicolon", raw: "ada@example.com;eve@example.com", err: identity.InvalidFormat},
	{name: "group", raw: "team:ada@example.com;", err: identity.InvalidFormat},
	{name: "source route", raw: "@relay.example:ada@example.com", err: identity.InvalidFormat},
	{name: "comment first", raw: "(x)ada@example.com", err: identity.InvalidFormat},
	{name: "comment in local part", raw: "ada(x)@example.com", err: identity.InvalidFormat},
	{name: "comment last", raw: "ada@example.com(x)", err: identity.InvalidFormat},
	{name: "quoted local part", raw: `"ada"@example.com`, err: identity.InvalidFormat},
	{name: "quoted space", raw: `"ada lovelace"@example.com`, err: identity.InvalidFormat},
	{name: "backslash", raw: `ad\a@example.com`, err: identity.InvalidFormat},
	{name: "dot first", raw: ".ada@example.com", err: identity.InvalidFormat},
	{name: "dot last", raw: "ada.@example.com", err: identity.InvalidFormat},
	{name: "two dots", raw: "ada..l@example.com", err: identity.InvalidFormat},
	{name: "full-width dot", raw: "ada\uff0el@example.com", err: identity.InvalidFormat},

	// Encoded words.
	{name: "encoded word", raw: "=?utf-8?q?=61=64=61?=@example.com", err: identity.InvalidFormat},
	{name: "encoded word within", raw: "a=?utf-8?b?YWRh?=b@example.com", err: identity.InvalidFormat},
	{name: "beginning of an encoded word", raw: "ada=?@example.com", err: identity.InvalidFormat},
	{name: "beginning in full-width", raw: "\uff1d\uff1fx@example.com", err: identity.InvalidFormat},
	{name: "equals sign", raw: "ada=x@example.com", display: "ada=x@example.com", key: "ada=x@example.com"},
	{name: "question mark", raw: "ada?=@example.com", display: "ada?=@example.com", key: "ada?=@example.com"},

	// White space, control characters, invalid UTF-8.
	{name: "CR LF and a header", raw: "ada@example.com\r\nBcc: eve@example.com", err: identity.InvalidFormat},
	{name: "CR LF last", raw: "ada@example.com\r\n", err: identity.InvalidFormat},
	{name: "CR LF in local part", raw: "ada\r\n@example.com", err: identity.InvalidFormat},
	{name: "line feed first", raw: "\nada@example.com", err: identity.InvalidFormat},
	{name: "tab", raw: "ada\t@example.com", err: identity.InvalidFormat},
	{name: "space in local part", raw: "a da@example.com", err: identity.InvalidFormat},
	{name: "space in domain", raw: "ada@exa mple.com", err: identity.InvalidFormat},
	{name: "space after at sign", raw: "ada@ example.com", err: identity.InvalidFormat},
	{name: "no-break space", raw: "ada@example.com\u00a0", err: identity.InvalidFormat},
	{name: "NUL", raw: "ada\x00@example.com", err: identity.InvalidFormat},
	{name: "NUL last", raw: "ada@example.com\x00", err: identity.InvalidFormat},
	{name: "not UTF-8", raw: "ad\xff@example.com", err: identity.InvalidFormat},
	{name: "domain not UTF-8", raw: "ada@ex\xffmple.com", err: identity.InvalidFormat},
	{name: "lone surrogate", raw: "ada\xed\xa0\x80@example.com", err: identity.InvalidFormat},
	{name: "replacement character", raw: "ada\ufffd@example.com", err: identity.InvalidFormat},

	// Invisible characters, and characters that change the text direction.
	{name: "zero width space in local part", raw: "ada\u200b@example.com", err: identity.InvalidFormat},
	{name: "zero width space in domain", raw: "ada@exam\u200bple.com", err: identity.InvalidFormat},
	{name: "zero width joiner in domain", raw: "ada@\u0915\u094d\u200d\u0937.example", err: identity.InvalidFormat},
	{name: "zero width joiner in Punycode", raw: "ada@xn--11b2ezcw70k.example", err: identity.InvalidFormat},
	{name: "soft hyphen in domain", raw: "ada@exam\u00adple.com", err: identity.InvalidFormat},
	{name: "right-to-left mark", raw: "ada\u200f@example.com", err: identity.InvalidFormat},
	{name: "right-to-left override", raw: "\u202eada@example.com", err: identity.InvalidFormat},
	{name: "variation selector in domain", raw: "ada@example\ufe0f.com", err: identity.InvalidFormat},
	{name: "31 marks in a row", raw: "a" + strings.Repeat("\u0316", 31) + "@example.com", err: identity.InvalidFormat},
	{name: "mark first", raw: "\u0301ada@example.com", err: identity.InvalidFormat},

	// Mixed scripts.
	{name: "mixed local part", raw: "p\u0430ul@example.com", err: identity.InvalidFormat},
	{name: "mixed domain", raw: "ada@p\u0430ypal.com", err: identity.InvalidFormat},
	{name: "mixed domain in Punycode", raw: "ada@xn--pypal-4ve.com", err: identity.InvalidFormat},
	{name: "mixed domain in upper case Punycode", raw: "ada@XN--PYPAL-4VE.com", err: identity.InvalidFormat},
	{name: "Hebrew and Latin label", raw: "ada@\u05d0a.com", err: identity.InvalidFormat},
	{name: "digit label beside Hebrew", raw: "ada@1a.\u05d0\u05d1.com", err: identity.InvalidFormat},

	// Domains that cannot be registered.
	{name: "one label", raw: "root@localhost", err: identity.InvalidFormat},
	{name: "address literal", raw: "ada@[127.0.0.1]", err: identity.InvalidFormat},
	{name: "IPv6 literal", raw: "ada@[IPv6:::1]", err: identity.InvalidFormat},
	{name: "IPv4 address", raw: "ada@127.0.0.1", err: identity.InvalidFormat},
	{name: "numeric top-level domain", raw: "ada@example.123", err: identity.InvalidFormat},
	{name: "trailing dot", raw: "ada@example.com.", err: identity.InvalidFormat},
	{name: "leading dot", raw: "ada@.example.com", err: identity.InvalidFormat},
	{name: "empty label", raw: "ada@example..com", err: identity.InvalidFormat},
	{name: "ideographic full stop", raw: "ada@example\u3002com", err: identity.InvalidFormat},
	{name: "full-width full stop", raw: "ada@example\uff0ecom", err: identity.InvalidFormat},
	{name: "hyphen first", raw: "ada@-example.com", err: identity.InvalidFormat},
	{name: "hyphen last", raw: "ada@example-.com", err: identity.InvalidFormat},
	{name: "underscore", raw: "ada@exam_ple.com", err: identity.InvalidFormat},
	{name: "port", raw: "ada@example.com:25", err: identity.InvalidFormat},
	{name: "path", raw: "ada@example.com/x", err: identity.InvalidFormat},
	{name: "percent", raw: "ada@exam%70le.com", err: identity.InvalidFormat},
	{name: "emoji", raw: "ada@i\u2764.example", err: identity.InvalidFormat},
	{name: "emoji in Punycode", raw: "ada@xn--i-7iq.example", err: identity.InvalidFormat},
	{name: "Punycode of ASCII", raw: "ada@xn--example-.com", err: identity.InvalidFormat},
	{name: "Punycode of nothing", raw: "ada@xn--.com", err: identity.InvalidFormat},
	{name: "Punycode of upper case", raw: "ada@xn--bcher-2pa.example", err: identity.InvalidFormat},
	{name: "Punycode of a soft hyphen", raw: "ada@xn--ab-5da13a.example", err: identity.InvalidFormat},
	{name: "Punycode of an underscore", raw: "ada@xn--_-eha.example", err: identity.InvalidFormat},
	{name: "Punycode of a decomposed letter", raw: "ada@xn--ux-uub.example", err: identity.InvalidFormat},
	{name: "broken Punycode", raw: "ada@xn--\u00fc.com", err: identity.InvalidFormat},
	{name: "label of 64", raw: "ada@" + strings.Repeat("a", 64) + ".com", err: identity.InvalidFormat},

	// Length.
	{name: "local part of 64", raw: strings.Repeat("a", 64) + "@example.com", display: strings.Repeat("a", 64) + "@example.com", key: strings.Repeat("a", 64) + "@example.com"},
	{name: "local part of 65", raw: strings.Repeat("a", 65) + "@example.com", err: identity.TooLong},
	{name: "local part of 65 once in lower case", raw: "\u0130" + strings.Repeat("a", 62) + "@example.com", err: identity.TooLong},
	{name: "254", raw: "ada@" + strings.Repeat("a.", 123) + "test", display: "ada@" + strings.Repeat("a.", 123) + "test", key: "ada@" + strings.Repeat("a.", 123) + "test"},
	{name: "255", raw: "adam@" + strings.Repeat("a.", 123) + "test", err: identity.TooLong},
	{name: "too long in Punycode", raw: "ada@" + strings.Repeat("\u00fc.", 50) + "test", err: identity.InvalidFormat},
	{name: "a megabyte", raw: strings.Repeat("a", 1<<20) + "@example.com", err: identity.TooLong},
}

func TestParseEmail(t *testing.T) {
	runParseTests(t, identity.ParseEmail, emailTests)
}

func FuzzParseEmail(f *testing.F) {
	for _, tt := range emailTests {
		f.Add(tt.raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		name, ok := checkName(t, identity.ParseEmail, raw)
		if !ok {
			return
		}
		for _, s := range []string{name.Display, name.Key} {
			if len(s) > identity.MaxEmail || strings.IndexByte(s, '@') > 64 {
				t.Fatalf("%+q is too long", s)
			}
			if strings.Contains(s, "=?") || strings.Count(s, "@") != 1 || strings.ContainsAny(s, " \u200c\u200d,;:<>()[]\\\"") {
				t.Fatalf("accepted %+q", s)
			}
			if address, err := mail.ParseAddress(s); err != nil || address.Name != "" || address.Address != s {
				t.Fatalf("%+q is not a plain address for net/mail: %+v, %v", s, address, err)
			}
		}
		_, domain, _ := strings.Cut(name.Key, "@")
		if strings.Trim(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") != "" || !strings.Contains(domain, ".") {
			t.Fatalf("%+q has the domain %+q", raw, domain)
		}
	})
}
