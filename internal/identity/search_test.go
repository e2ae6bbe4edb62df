package identity

import "testing"

func TestSearchKey(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                     "",
		"  Ada   Lovelace ":    "ada lovelace",
		"ÅNGSTRÖM":             "ångström",
		"A\u030angstro\u0308m": "ångström",
		"Ａｄａ":                  "ada",
		"ada@Example.COM":      "ada@example.com",
		"bad\xffbytes":         "badbytes",
		"\u212b":               "å", // the sign for ångström
		"ΣΊΣΥΦΟΣ":              "σίσυφοσ",
	} {
		if got := SearchKey(text); got != want {
			t.Errorf("SearchKey(%q) = %q, want %q", text, got, want)
		}
	}
}

func FuzzSearchKey(f *testing.F) {
	for _, seed := range []string{"Ada Lovelace", "ǅ", "İ", "ﬁ", "\xff", "e\u0301"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := SearchKey(text)
		if again := SearchKey(key); again != key {
			t.Errorf("the key of %q is %q, but the key of that is %q", text, key, again)
		}
		for _, parse := range []func(string) (Name, error){ParseUsername, ParseEmail} {
			if name, err := parse(text); err == nil && SearchKey(name.Key) != name.Key {
				t.Errorf("the search key of the key %q is %q", name.Key, SearchKey(name.Key))
			}
		}
	})
}
