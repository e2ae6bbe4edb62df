package totp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pquerna/otp"
)

// seed is that of the vectors in RFC 6238 appendix B.
var seed = Seed("12345678901234567890")

// TestRFC6238 has the SHA-1 vectors of appendix B. They have eight digits, and the last six of them are our codes.
func TestRFC6238(t *testing.T) {
	for _, vector := range []struct {
		at   int64
		code string
	}{
		{59, "94287082"},
		{1111111109, "07081804"},
		{1111111111, "14050471"},
		{1234567890, "89005924"},
		{2000000000, "69279037"},
		{20000000000, "65353130"},
	} {
		code, at := vector.code[2:], time.Unix(vector.at, 0)
		if got := seed.Code(vector.at / 30); got != code {
			t.Errorf("%d: got %s, want %s", vector.at, got, code)
		}
		if step, ok := seed.Step(code, at, 0); step != vector.at/30 || !ok {
			t.Errorf("%d: got step %d, %v", vector.at, step, ok)
		}
	}
}

func TestStep(t *testing.T) {
	const current, refused = 41152263, -1 // the step of 1234567890 s; the code is not accepted
	start := time.Unix(current*30, 0)
	code := seed.Code(current)
	for name, tt := range map[string]struct {
		code  string
		now   time.Time
		after int64
		want  int64
	}{
		"first nanosecond":         {code, start, 0, current},
		"last nanosecond":          {code, start.Add(30*time.Second - 1), 0, current},
		"one step late":            {code, start.Add(60*time.Second - 1), 0, current},
		"two steps late":           {code, start.Add(60 * time.Second), 0, refused},
		"one step early":           {code, start.Add(-30 * time.Second), 0, current},
		"two steps early":          {code, start.Add(-30*time.Second - 1), 0, refused},
		"another zone":             {code, start.In(time.FixedZone("", 5*3600+1800)), 0, current},
		"accepted before":          {code, start, current, refused},
		"a later one was accepted": {code, start, current + 1, refused},
		"the next one":             {seed.Code(current + 1), start, current, current + 1},
		"the previous one":         {seed.Code(current - 1), start, current - 2, current - 1},
		"after every step":         {code, start, math.MaxInt64, refused},
		"after no step":            {code, start, math.MinInt64, current},
		"spaces":                   {" " + code[:3] + "  " + code[3:] + " ", start, 0, current},
		"very many spaces":         {code + strings.Repeat(" ", 1<<16), start, 0, current},
		"empty":                    {"", start, 0, refused},
		"only spaces":              {"      ", start, 0, refused},
		"five digits":              {code[:5], start, 0, refused},
		"seven digits":             {code + "0", start, 0, refused},
		"eight digits":             {"00" + code, start, 0, refused},
		"very long":                {strings.Repeat(code, 1<<16), start, 0, refused},
		"another last digit":       {code[:5] + string('0'+(code[5]-'0'+1)%10), start, 0, refused},
		"sign":                     {"+" + code, start, 0, refused},
		"hyphen":                   {code[:3] + "-" + code[3:], start, 0, refused},
		"tab":                      {code[:3] + "\t" + code[3:], start, 0, refused},
		"line feed":                {code + "\n", start, 0, refused},
		"NUL":                      {code + "\x00", start, 0, refused},
		"no-break space":           {code[:3] + "\u00a0" + code[3:], start, 0, refused},
		"fullwidth digits":         {shift(code, '\uff10'), start, 0, refused},
		"Arabic-Indic digits":      {shift(code, '\u0660'), start, 0, refused},
		"not UTF-8":                {code + "\xff", start, 0, refused},
		"code of another seed":     {Seed("12345678901234567891").Code(current), start, 0, refused},
	} {
		wantStep, wantOK := tt.want, tt.want != refused
		if !wantOK {
			wantStep = 0
		}
		if step, ok := seed.Step(tt.code, tt.now, tt.after); step != wantStep || ok != wantOK {
			t.Errorf("%s: got %d, %v, want %d, %v", name, step, ok, wantStep, wantOK)
		}
	}
}

// shift writes digits in another script, which has its zero at another code point.
func shift(code string, zero rune) string {
	return strings.Map(func(r rune) rune { return r - '0' + zero }, code)
}

// TestEnds tests the first steps, times before them, and times far in the future.
func TestEnds(t *testing.T) {
	for _, tt := range []struct {
		seconds, step, after int64
		ok                   bool
	}{
		{seconds: 0, step: 0, after: -1, ok: true},
		{seconds: 0, step: 0, after: 0, ok: false}, // step 0 counts as accepted
		{seconds: 0, step: 1, after: 0, ok: true},
		{seconds: 0, step: -1, after: math.MinInt64, ok: false},
		{seconds: -1, step: 0, after: -1, ok: true}, // in step -1, so the next one is 0
		{seconds: -30, step: 0, after: -1, ok: true},
		{seconds: -31, step: 0, after: -1, ok: false},
		{seconds: -31, step: -2, after: math.MinInt64, ok: false},
		{seconds: time.Time{}.Unix(), step: time.Time{}.Unix() / 30, after: math.MinInt64, ok: false},
		{seconds: math.MinInt64, step: math.MinInt64 / 30, after: math.MinInt64, ok: false},
		{seconds: 1 << 32, step: 1 << 32 / 30, ok: true}, // RFC 6238 §4.2: more than 32 bits
		{seconds: 253402300799, step: 253402300799 / 30, ok: true},
		{seconds: math.MaxInt64, step: math.MaxInt64/30 + 1, ok: true},
	} {
		step, ok := seed.Step(seed.Code(tt.step), time.Unix(tt.seconds, 0), tt.after)
		if ok != tt.ok || ok && step != tt.step {
			t.Errorf("%+v: got %d, %v", tt, step, ok)
		}
	}
}

// TestTwice tries the codes around each time for ten minutes, every five seconds.
func TestTwice(t *testing.T) {
	const start = 1234567890
	accepted := map[int64]bool{}
	var last int64
	for second := int64(start); second < start+600; second += 5 {
		for step := second/30 - 2; step <= second/30+2; step++ {
			got, ok := seed.Step(seed.Code(step), time.Unix(second, 0), last)
			if ok && (got <= last || accepted[got]) {
				t.Fatalf("%d: step %d is accepted after step %d", second, got, last)
			}
			if ok {
				last, accepted[got] = got, true
			}
		}
	}
	if len(accepted) != 600/30+2 { // also the step before the first time and the step after the last
		t.Errorf("%d steps were accepted", len(accepted))
	}
}

// TestSameCode uses steps whose codes happen to be the same: two neighbors, and the first and the last of a window.
func TestSameCode(t *testing.T) {
	for _, tt := range []struct{ step, later int64 }{{910737, 910738}, {1096428, 1096430}} {
		code, now := seed.Code(tt.step), time.Unix((tt.step+1)*30, 0)
		if seed.Code(tt.later) != code {
			t.Fatalf("steps %d and %d have different codes", tt.step, tt.later)
		}
		if got, ok := seed.Step(code, now, 0); got != tt.later || !ok {
			t.Errorf("steps %d and %d: got %d, %v", tt.step, tt.later, got, ok)
		}
		if _, ok := seed.Step(code, now, tt.later); ok {
			t.Errorf("%d: the code was accepted twice", tt.step)
		}
	}
}

func TestNewSeed(t *testing.T) {
	got, err := NewSeed(iotest.OneByteReader(strings.NewReader("12345678901234567890!")))
	if err != nil || !bytes.Equal(got, seed) {
		t.Errorf("got %q, %v", []byte(got), err)
	}
	if got, err := NewSeed(strings.NewReader("1234567890123456789")); err == nil || got != nil {
		t.Errorf("of 19 bytes: got %q, %v", []byte(got), err)
	}
}

// TestWrongSize tests that seeds that were lost or cut have no codes.
func TestWrongSize(t *testing.T) {
	for _, wrong := range []Seed{nil, {}, seed[:19], append(seed[:20:20], 0)} {
		if _, ok := wrong.Step(wrong.Code(1), time.Unix(30, 0), 0); ok {
			t.Errorf("a seed of %d bytes is accepted", len(wrong))
		}
	}
}

func TestRedacted(t *testing.T) {
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("text", "seed", seed, "in", struct{ Seed Seed }{seed})
	slog.New(slog.NewJSONHandler(&log, nil)).Info("JSON", "seed", seed, "in", struct{ Seed Seed }{seed})
	doc, err := json.Marshal(map[string]any{"seed": seed, "in": struct{ Seed Seed }{seed}})
	if err != nil {
		t.Fatal(err)
	}
	printed := log.String() + string(doc) + seed.String()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%t", "%10.3v"} {
		printed += fmt.Sprintf(verb, seed) + fmt.Sprintf(verb, struct{ Seed Seed }{seed}) + fmt.Sprintf(verb, []Seed{seed})
	}
	for _, secret := range []string{
		"1234", "MTIz", seed.Base32()[:8], "31323334", "49 50 51", "0x31", "U+0031",
	} {
		if strings.Contains(printed, secret) {
			t.Errorf("%s is in %s", secret, printed)
		}
	}
	if count := strings.Count(printed, redacted); count != 4+2+1+12*3 {
		t.Errorf("%d times redacted: %s", count, printed)
	}
}

func TestURI(t *testing.T) {
	const rest = "&algorithm=SHA1&digits=6&period=30"
	const secret = "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer="
	for _, tt := range []struct{ issuer, account, want string }{
		{"Usher", "ada", "Usher:ada" + secret + "Usher"},
		{"Usher", "ada+otp@example.com", "Usher:ada%2Botp%40example.com" + secret + "Usher"},
		{"Big Corp", "Ada Lovelace", "Big%20Corp:Ada%20Lovelace" + secret + "Big%20Corp"},
		{"Acme: Shop", "a:b::c", "Acme-%20Shop:a-b--c" + secret + "Acme-%20Shop"},
		{"A&B=C?D#E/F%G+H", "a&b=c?d#e/f%41", "A%26B%3DC%3FD%23E%2FF%25G%2BH:a%26b%3Dc%3Fd%23e%2Ff%2541" + secret + "A%26B%3DC%3FD%23E%2FF%25G%2BH"},
		{"Käse", "\u963f\u9054", "K%C3%A4se:%E9%98%BF%E9%81%94" + secret + "K%C3%A4se"},
		{"U", "\"<a>'\n\x00", "U:%22%3Ca%3E%27%0A%00" + secret + "U"},
	} {
		if got, want := seed.URI(tt.issuer, tt.account), "otpauth://totp/"+tt.want+rest; got != want {
			t.Errorf("%q, %q:\n got %s\nwant %s", tt.issuer, tt.account, got, want)
		}
		roundTrip(t, tt.issuer, tt.account)
	}
}

// roundTrip reads a URI with a library for apps.
func roundTrip(t *testing.T, issuer, account string) {
	t.Helper()
	uri := seed.URI(issuer, account)
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		t.Fatal(err)
	}
	if key.Issuer() != strings.ReplaceAll(issuer, ":", "-") || key.AccountName() != strings.ReplaceAll(account, ":", "-") {
		t.Errorf("%s: got issuer %q and account %q", uri, key.Issuer(), key.AccountName())
	}
	if key.Type() != "totp" || key.Secret() != seed.Base32() || key.Algorithm() != otp.AlgorithmSHA1 ||
		key.Digits() != otp.DigitsSix || key.Period() != 30 {
		t.Errorf("%s: got %+v", uri, key)
	}
}

func FuzzURI(f *testing.F) {
	f.Add("Usher", "ada@example.com")
	f.Add("Acme: Shop & Co", "a:b c%20+\xff")
	f.Fuzz(func(t *testing.T, issuer, account string) {
		if issuer == "" || account == "" {
			return
		}
		roundTrip(t, issuer, account)
	})
}

func FuzzStep(f *testing.F) {
	const now = 1234567890
	for _, code := range []string{seed.Code(now / 30), "005 924", " 9 8 ", "\u0660", "", "\xff"} {
		f.Add(code)
	}
	f.Fuzz(func(t *testing.T, code string) {
		step, ok := seed.Step(code, time.Unix(now, 0), now/30-1)
		var want int64
		for _, candidate := range []int64{now / 30, now/30 + 1} { // the previous one was accepted before
			if strings.Join(strings.Split(code, " "), "") == seed.Code(candidate) {
				want = candidate
			}
		}
		if step != want || ok != (want != 0) {
			t.Errorf("%q: got %d, %v, want %d", code, step, ok, want)
		}
	})
}
