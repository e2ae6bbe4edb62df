package password

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// strong is random. Its first 8 characters or more are hard to guess, too.
const strong = "q8ZkP2vX9rTn4LwYc7Hb3Gd6Fs1Jm5Ke0Uo"

func TestPolicyLength(t *testing.T) {
	tests := []struct {
		name      string
		minLength int
		password  string
		want      error
	}{
		{"empty", 0, "", TooShort},
		{"14 by default", 0, strong[:14], TooShort},
		{"15 by default", 0, strong[:15], nil},
		{"14 decomposed", 0, norm.NFD.String("äöüßéèñçøåîôùœ"), TooShort},
		{"15 decomposed", 0, norm.NFD.String("äöüßéèñçøåîôùœæ"), nil},
		{"14 emoji", 0, "🐎🔋📎✅🌍🌙⭐🔥🌊🍎🍋🍇🥝🍓", TooShort},
		{"15 emoji", 0, "🐎🔋📎✅🌍🌙⭐🔥🌊🍎🍋🍇🥝🍓🍒", nil},
		{"too short comes before too common", 0, "password", TooShort},
		{"256", 0, strong + strings.Repeat("x", 256-len(strong)), nil},
		{"257", 0, strong + strings.Repeat("x", 257-len(strong)), TooLong},
		{"256 of four bytes", 0, strong + strings.Repeat("🐎", 256-len(strong)), nil},
		{"a megabyte", 0, strings.Repeat("x", 1<<20), TooLong},
		{"a higher minimum", 20, strong[:19], TooShort},
		{"a lower minimum", 8, strong[:8], nil},
		{"a minimum below the floor", 1, strong[:7], TooShort},
		{"a negative minimum", -1, strong[:7], TooShort},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Policy{MinLength: tt.minLength}).Check(Plaintext(tt.password)); !errors.Is(got, tt.want) {
				t.Errorf("Check = %v, want %v", got, tt.want)
			}
		})
	}
	err := Policy{MinLength: 20}.Check("abc")
	if want := "the password is too short: at least 20 characters are needed"; err == nil || err.Error() != want {
		t.Errorf("Check = %v, want %q", err, want)
	}
}

func TestPolicyRefusesGuessable(t *testing.T) {
	ada := []string{"grünwald.q", "ada.grunewaldt@xylophonia.example", "ada.grunewaldt", "xylophonia.example", "Ada Grünewaldt"}
	tests := []struct {
		context []string
		refused []string
	}{
		{nil, []string{
			"aaaaaaaaaaaaaaa", "               ", "passwordpassword", "Password123456789!", "P@$$w0rd1234567",
			"drowssapdrowssap", "123456789012345", "987654321987654", "abcdefghijklmnop", "20010203200102032",
			"qwertyuiopasdfgh", "!QAZ@WSX#EDC$RFV", "~!@#$%^&*()_+QWERTY", "1qaz2wsx3edc4rfv",
			"iloveyouiloveyou", "letmeinletmeinletmein", "Winter2025!Winter2025!", "monkeydragonmaster",
			"usherusherusher", "UsherUsher2026!", "u5heru5heru5her",
			"ééééééééééééééé", "парольпарольпароль", "🐎🔋📎✅🐎🔋📎✅🐎🔋📎✅🐎🔋📎✅", strings.Repeat("a", 256),
		}},
		{ada, []string{
			"ada.grunewaldt@xylophonia.example", "adagrunewaldt123", "Ada Grünewaldt 1984", "grunewaldt-grunewaldt",
			"GRÜNEWALDTgrünewaldt", "xylophoniaxylophoniaxylophonia", "ada@xylophonia.example", "grünwald.qgrünwald.q",
			"grunewaldt.xylophonia", "Xylophonia2026!!", "xyl0phoniaxyl0phonia", "tdlawenurg.ada!!",
			strings.Repeat("grunewaldt", 10), strings.Repeat("ada xylophonia usher ", 5),
		}},
		{[]string{"王小明"}, []string{"王小明王小明王小明王小明王小明", "王小明2026年王小明2026年"}},
	}
	for _, tt := range tests {
		for _, password := range tt.refused {
			if err := (Policy{}).Check(Plaintext(password), tt.context...); !errors.Is(err, TooCommon) {
				t.Errorf("Check(%q) = %v, want TooCommon", password, err)
			}
		}
	}
}

func TestPolicyAcceptsStrong(t *testing.T) {
	context := []string{"ada", "ada.moss@mail.example", "ada.moss", "mail.example", "Ada Moss", "", "@", "l"}
	for _, password := range []string{
		"lamp river candle stone", "lamprivercandlestone", "Lamp-River-Candle-Stone", "copper violin marsh eleven",
		"mail a canoe to the moss",
		strong[:15], "9f86d081884c7d659a2feaa0c55ad015", "kX$7!mQ@2z&Lw#9pR", "gqzmvhxkwpjdtrn",
		"Zoë trinkt gern heißen Kakao", "быстрая лиса прыгает", "馬電池釘正確河流山石頭樹木花草", "סוס נכון סוללה סיכה",
		"👨\u200d👩\u200d👧 \u2764\ufe0f our dog 🐕 barks at owls",
		strings.Repeat("copper violin marsh eleven ", 9),
	} {
		if err := (Policy{}).Check(Plaintext(password), context...); err != nil {
			t.Errorf("Check(%q) = %v", password, err)
		}
	}
}

func FuzzPolicy(f *testing.F) {
	f.Add("correct horse battery staple", "ada@example.com")
	f.Add(strings.Repeat("passw0rd!", 28), "")
	f.Add("48(3619!|750$+%2@{[<48(3619!|750$+%2@{[<", "48(3")
	f.Add("👨\u200d👩\u200d👧 \u2764\ufe0f Zoe\u0308 \u3000 heißt", "Zoë")
	f.Add("1.1.2001 1/1/2001 11112001", "\xff")
	f.Fuzz(func(t *testing.T, password, context string) {
		if err := (Policy{}).Check(Plaintext(password), context); err != nil {
			if problem, ok := errors.AsType[Problem](err); !ok || problem == "" {
				t.Fatalf("Check = %v, want a Problem", err)
			}
			return
		}
		text, problem := normalize(Plaintext(password))
		if problem != "" {
			t.Fatalf("a password without normal form is accepted: %v", problem)
		}
		if n := utf8.RuneCountInString(text); n < DefaultMinLength || n > MaxLength {
			t.Errorf("%d code points are accepted", n)
		}
		for name, typed := range map[string]string{"normalized": text, "decomposed": norm.NFD.String(password)} {
			if again, _ := normalize(Plaintext(typed)); again != text {
				t.Errorf("%s, it is another password: %q, not %q", name, again, text)
			}
		}
	})
}

func BenchmarkPolicy(b *testing.B) {
	for name, password := range map[string]Plaintext{
		"phrase":  "lamp river candle stone",
		"unicode": "быстрая лиса прыгает высоко над собакой",
		"hostile": Plaintext(strings.Repeat("J5{5<848J5{5<848{14$420+38[3(@%2", 8)),
		"random":  `Dn.aRCrcq'1"AgykBo%7aTKQ4Gpj+2cE`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = Policy{}.Check(password, "ada", "ada.moss@mail.example", "ada.moss", "mail.example", "Ada Moss")
			}
		})
	}
}

// TestPolicyTooShort checks that no text that is too short for the policy is a password that the policy accepts.
func TestPolicyTooShort(t *testing.T) {
	for text, want := range map[Plaintext]bool{
		"":                                       true,
		"fourteen-signs":                         true,
		"fifteen-letters":                        false,
		"four small green turtles":               false,
		Plaintext(strings.Repeat("e\u0301", 14)): true, // counted in the normal form
		Plaintext(strings.Repeat("e\u0301", 15)): false,
		Plaintext(strings.Repeat("a", 10_000)):   false,
		"\xff":                                   false, // has no normal form
	} {
		if got := (Policy{}).TooShort(text); got != want {
			t.Errorf("TooShort(%+q): %t, want %t", string(text), got, want)
		}
		for _, minLength := range []int{0, 1, 8, 14, 64} {
			policy := Policy{MinLength: minLength}
			if policy.TooShort(text) && policy.Check(text) == nil {
				t.Errorf("%+q is too short for a minimum of %d, and accepted", string(text), minLength)
			}
		}
	}
}

// listed is a list of breached passwords, or an error.
type listed struct {
	texts []string
	err   error
}

func (l listed) Compromised(_ context.Context, texts ...string) (bool, error) {
	return slices.ContainsFunc(texts, func(s string) bool { return slices.Contains(l.texts, s) }), l.err
}

func TestPolicyBreaches(t *testing.T) {
	const word = "gru\u0308ne Brücken"
	fails := listed{err: errors.New("no answer")}
	for _, tt := range []struct {
		name        string
		policy      Policy
		want        error
		compromised bool
	}{
		{"no list", Policy{RequireBreaches: true}, nil, false},
		{"not listed", Policy{Breaches: listed{texts: []string{"another"}}}, nil, false},
		{"listed as typed", Policy{Breaches: listed{texts: []string{word}}}, Compromised, true},
		{"listed in the normal form", Policy{Breaches: listed{texts: []string{"grüne Brücken"}}}, Compromised, true},
		{"cannot tell", Policy{Breaches: fails}, nil, false},
		{"cannot tell, required", Policy{Breaches: fails, RequireBreaches: true}, ErrBreaches, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.policy.CheckBreaches(t.Context(), word)
			if !errors.Is(err, tt.want) || err != nil && strings.Contains(err.Error(), word) {
				t.Errorf("CheckBreaches = %v, want %v", err, tt.want)
			}
			if got := tt.policy.IsCompromised(t.Context(), word); got != tt.compromised {
				t.Errorf("IsCompromised = %t, want %t", got, tt.compromised)
			}
		})
	}
}
