package password

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestIsGuessable has the cases that TestPolicyRefusesGuessable has not: each transformation alone, at both minimums.
func TestIsGuessable(t *testing.T) {
	ada := []string{"countess.ada", "ada.lovelace@engine.example", "Ada Lovelace"}
	tests := []struct {
		name      string
		context   []string
		minLength int
		passwords []string
		want      bool
	}{
		{"example phrases", nil, 15, []string{
			"correcthorsebatterystaple", "correct horse battery staple", "Correct-Horse-Battery-Staple!", "CorrectHorseBatteryStaple1",
			"correct_horse_battery_staple_2024", "c0rrecthorsebatterystap1e", "elpatsyrettabesrohtcerroc", "To be, or not to be?",
			"the quick brown fox jumps over the lazy dog", "May the Force be with you!",
		}, true},
		{"words of example phrases in another order", nil, 15, []string{"staple horse lantern correct", "battery fox river staple"}, false},
		{"a common password", nil, 15, []string{"1qaz2wsx3edc4rfv", "1QAZ2wsx3EDC4rfv", "perasperaadastra", "30SecondsToMars"}, true},
		{"a common password and digits, years, punctuation", nil, 15, []string{
			"shadow123456789", "123456789shadow", "shadow1987!!!!!", "!!! shadow 2024", "sunshine#2019##", "2024-sunshine-2024",
		}, true},
		{"one common password again and again", nil, 15, []string{
			"dragondragondragon", "dragon dragon dragon", "Dragon1Dragon1Dragon1", "dragon-DRAGON-dragon",
		}, true},
		{"two and three of the commonest passwords", nil, 15, []string{
			"shadowmonkey1987", "Shadow-Monkey-1987", "shadow monkey dragon", "ShadowMonkeyDragon", "shadow.monkey.dragon",
		}, true},
		{"letters as digits and symbols", nil, 15, []string{"$un5h1n3$un5h1n3", "5h4d0w.m0nk3y.1", "P@$$W0RD!!P@$$W0RD"}, true},
		{"backwards", nil, 15, []string{"enihsnusyeknom1", "drowssap drowssap"}, true},
		{"repetition", nil, 15, []string{"abcabcabcabcabcabc", "xq7xq7xq7xq7xq7xq7", "zzzzzzzzzzzzzzzzzzz", "x!x!x!x!x!x!x!x!x!"}, true},
		{"sequences and keyboards", nil, 15, []string{
			"abcdefghijklmno1234", "mnbvcxzlkjhgfdsa", "qwertyuiop1234567890", "zxcvbnmasdfghjkl", "!@#$%^&*()!@#$%^&*()", "1q2w3e4r5t6y7u8i",
		}, true},
		{"context words", ada, 15, []string{
			"lovelace-lovelace-1815", "AdaLovelace1815!", "4d4l0v3l4c3!!!!!", "ecalevol.ada.1815", "engine.example.ada", "countess.ada123456", "usherlovelace2024",
		}, true},
		{"context words among others", ada, 15, []string{"the countess counts seven engines", "lovelace paints small turtles"}, false},
		{"context words of somebody else", nil, 15, []string{"lovelace-marchioness-1815"}, false},
		{"beside a second factor", nil, 8, []string{"password", "Passw0rd", "monkey12", "qwertyui", "12121212", "usher2024"}, true},
		{"random, beside a second factor", nil, 8, []string{"83059174", "xkqvjwzp", "tr8!nw#z"}, false},
		{"four words", nil, 15, []string{
			"four small green turtles", "foursmallgreenturtles", "Four Small Green Turtles", "shadow monkey dragon sunshine",
			"shadowmonkeydragonsunshine", "river-candle-lamp-stone",
		}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, p := range tt.passwords {
				if utf8.RuneCountInString(p) < tt.minLength {
					t.Fatalf("%q is refused for its length", p)
				}
				if got := isGuessable(p, tt.context, tt.minLength); got != tt.want {
					t.Errorf("isGuessable(%q) = %t, want %t", p, got, tt.want)
				}
			}
		})
	}
}

// TestIsGuessableAcceptsRandom draws what password managers and dice make. One password in a thousand may have a
// pattern by chance. Of digits alone a few more may, which look like years.
func TestIsGuessableAcceptsRandom(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("../token/lists/words.txt")
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for w := range strings.FieldsSeq(string(list)) {
		if len(w) >= 4 {
			words = append(words, w)
		}
	}
	const (
		lower   = "abcdefghijklmnopqrstuvwxyz"
		upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		digits  = "0123456789"
		symbols = "!#$%&()*+,-./:;<=>?@[]^_{|}~"
	)
	phrase := func(r *rand.Rand, separator string) string {
		return strings.Join([]string{words[r.IntN(len(words))], words[r.IntN(len(words))], words[r.IntN(len(words))], words[r.IntN(len(words))]}, separator)
	}
	for name, tt := range map[string]struct {
		minLength int
		draw      func(*rand.Rand) string
	}{
		"15 digits":               {15, func(r *rand.Rand) string { return randomText(r, digits, 15) }},
		"15 small letters":        {15, func(r *rand.Rand) string { return randomText(r, lower, 15) }},
		"15 letters and digits":   {15, func(r *rand.Rand) string { return randomText(r, lower+upper+digits, 15) }},
		"15 of all":               {15, func(r *rand.Rand) string { return randomText(r, lower+upper+digits+symbols, 15) }},
		"16 hexadecimal digits":   {15, func(r *rand.Rand) string { return randomText(r, digits+"abcdef", 16) }},
		"four words":              {15, func(r *rand.Rand) string { return phrase(r, " ") }},
		"four words in one":       {15, func(r *rand.Rand) string { return phrase(r, "") }},
		"four words with hyphens": {15, func(r *rand.Rand) string { return phrase(r, "-") }},
		"8 letters and digits":    {8, func(r *rand.Rand) string { return randomText(r, lower+upper+digits, 8) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(3, uint64(len(name))))
			var refused []string
			for range 1_000 {
				if p := tt.draw(r); isGuessable(p, []string{"ada", "ada.lovelace@engine.example", "Ada Lovelace"}, tt.minLength) {
					refused = append(refused, p)
				}
			}
			most := 1
			if name == "15 digits" {
				most = 5
			}
			if len(refused) > most {
				t.Errorf("refuses %q", refused)
			}
		})
	}
}

// FuzzIsGuessable shows that no password and no context make the check panic, and that an attacker who knows more
// does not need more guesses.
func FuzzIsGuessable(f *testing.F) {
	f.Add("Ada Lovelace 1815", "ada.lovelace@engine.example")
	f.Add("王小明2026年王小明2026年", "王小明")
	f.Add(strings.Repeat("İﬀß1", 64), "İ ﬀ ß")
	f.Add(strings.Repeat("J5{5<848", 32), strings.Repeat("848 ", 64))
	f.Add("", "\xff")
	f.Fuzz(func(t *testing.T, password, context string) {
		text, problem := normalize(Plaintext(password))
		if problem != "" {
			return
		}
		if isGuessable(text, nil, 15) && !isGuessable(text, []string{context}, 15) {
			t.Errorf("isGuessable(%q) with the context %q = false, without true", text, context)
		}
		if isGuessable(text, nil, 8) && !isGuessable(text, nil, 15) {
			t.Errorf("isGuessable(%q) = true for a minimum of 8 characters, false for 15", text)
		}
	})
}
