package password

import (
	"errors"
	"runtime"
	"strings"
	"testing"
)

func TestVerifyHashesOfOtherSystems(t *testing.T) {
	const seventyTwo = "012345678901234567890123456789012345678901234567890123456789012345678901"
	tests := []struct {
		name, encoded string
		password      Plaintext
		ok, rehash    bool
	}{
		// From the test of the reference implementation, phc-winner-argon2.
		{"argon2id", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password", true, true},
		{"argon2id, two lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password", true, true},
		{"argon2id, 64 MiB", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "password", true, true},
		{"argon2id, wrong", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "passwort", false, false},
		{"argon2id, other tag", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/8", "password", false, false},
		// From OpenSSL.
		{"argon2id, four lanes", "$argon2id$v=19$m=256,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$bCEWhX8Zy2k6jOzSElteHsMwZ01P0Zf8+qJOvSAt4KA", "Grüße 🐎 aus der Küche", true, true},

		// From crypt_blowfish and jBCrypt.
		{"bcrypt 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true, true},
		{"bcrypt 2a, cost 6", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc", true, true},
		{"bcrypt 2y, not UTF-8", "$2y$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e", "\xff\xff\xa3", true, false},
		{"bcrypt, wrong", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abd", false, false},
		{"bcrypt, repeated with a NUL", "$2a$06$If6bvum7DFjUnE9p2uDeDu0YHzrHM6tf.iqN8.yx.jNN1ILEf7h0i", "abc\x00abc", false, false},
		// From libxcrypt.
		{"bcrypt 2b", "$2b$04$abcdefghijklmnopqrstuusZcIAo6F6FOVl4PrQy8K7Gy1oGehGGe", "Grüße 🐎", true, true},
		{"bcrypt, decomposed as it was typed", "$2b$04$CCCCCCCCCCCCCCCCCCCCC.syqGpRr5/JbnAkHtm79g/vRnuchlmh6", "Passwort mit U\u0308mlaut", true, true},
		{"bcrypt, 72 bytes", "$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", seventyTwo, true, true},
		{"bcrypt, 73 bytes", "$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", seventyTwo + "2", false, false},
		{"bcrypt, 256 bytes", "$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", Plaintext(seventyTwo + strings.Repeat("2", 256-72)), false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			withSlot(t, func(slot *Slot) {
				ok, rehash, err := slot.Verify(t.Context(), tt.encoded, tt.password)
				if ok != tt.ok || rehash != tt.rehash || err != nil {
					t.Errorf("Verify = %v, %v, %v; want %v, %v, nil", ok, rehash, err, tt.ok, tt.rehash)
				}
			})
		})
	}
}

// A hash made at the cost for tests is one of other parameters for a Hasher of the usual cost.
func TestVerifyAsksToRehash(t *testing.T) {
	const password = "lamp river candle stone"
	usual := New(Options{})
	cheap, err := New(Options{CheapForTests: true}).Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := usual.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	if ok, rehash, err := slot.Verify(t.Context(), cheap, password); !ok || !rehash || err != nil {
		t.Errorf("Verify = %v, %v, %v; want true, true, nil", ok, rehash, err)
	}
	if ok, rehash, err := slot.Verify(t.Context(), cheap, "wrong"); ok || rehash || err != nil {
		t.Errorf("Verify with a wrong password = %v, %v, %v; want false, false, nil", ok, rehash, err)
	}
	encoded, err := slot.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	if ok, rehash, err := slot.Verify(t.Context(), encoded, password); !ok || rehash || err != nil {
		t.Errorf("Verify of a new hash = %v, %v, %v; want true, false, nil", ok, rehash, err)
	}
}

func TestVerifyRefusesMalformed(t *testing.T) {
	const salt, tag = "AAECAwQFBgcICQoLDA0ODw", "Z58tUA+Fedrefsa4QBe1wPHvW4lSYNhE/siuSWxj348"
	tests := map[string]string{
		"nothing":              "",
		"plain text":           "password",
		"argon2i":              "$argon2i$v=19$m=64,t=1,p=1$" + salt + "$" + tag,
		"old version":          "$argon2id$v=16$m=64,t=1,p=1$" + salt + "$" + tag,
		"no version":           "$argon2id$m=64,t=1,p=1$" + salt + "$" + tag,
		"no tag":               "$argon2id$v=19$m=64,t=1,p=1$" + salt,
		"empty tag":            "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$",
		"short tag":            "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + tag[:18],
		"long tag":             "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.Repeat("A", 100),
		"short salt":           "$argon2id$v=19$m=64,t=1,p=1$" + salt[:8] + "$" + tag,
		"long salt":            "$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 100) + "$" + tag,
		"padding":              "$argon2id$v=19$m=64,t=1,p=1$" + salt + "==$" + tag,
		"another alphabet":     "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + strings.ReplaceAll(tag, "/", "_"),
		"stray bits":           "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + tag[:42] + "9",
		"line feed":            "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + tag + "\n",
		"another field":        "$argon2id$v=19$m=64,t=1,p=1$" + salt + "$" + tag + "$",
		"another parameter":    "$argon2id$v=19$m=64,t=1,p=1,keyid=1$" + salt + "$" + tag,
		"another order":        "$argon2id$v=19$t=1,m=64,p=1$" + salt + "$" + tag,
		"leading zero":         "$argon2id$v=19$m=064,t=1,p=1$" + salt + "$" + tag,
		"sign":                 "$argon2id$v=19$m=+64,t=1,p=1$" + salt + "$" + tag,
		"no memory":            "$argon2id$v=19$m=0,t=1,p=1$" + salt + "$" + tag,
		"no pass":              "$argon2id$v=19$m=64,t=0,p=1$" + salt + "$" + tag,
		"no lane":              "$argon2id$v=19$m=64,t=1,p=0$" + salt + "$" + tag,
		"too many passes":      "$argon2id$v=19$m=64,t=11,p=1$" + salt + "$" + tag,
		"too many lanes":       "$argon2id$v=19$m=1024,t=1,p=17$" + salt + "$" + tag,
		"too much memory":      "$argon2id$v=19$m=131073,t=1,p=1$" + salt + "$" + tag,
		"four tebibytes":       "$argon2id$v=19$m=4294967295,t=1,p=1$" + salt + "$" + tag,
		"too large a number":   "$argon2id$v=19$m=4294967360,t=1,p=1$" + salt + "$" + tag,
		"too little memory":    "$argon2id$v=19$m=15,t=1,p=2$" + salt + "$" + tag,
		"a megabyte":           "$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 1<<20) + "$" + tag,
		"bcrypt 2x":            "$2x$05$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
		"bcrypt 2":             "$2$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, no cost":      "$2a$00$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, absurd cost":  "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, cost 15":      "$2a$15$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, cut":          "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
		"bcrypt, and more":     "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeWW",
		"bcrypt, and line end": "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW\n",
	}
	for name, encoded := range tests {
		t.Run(name, func(t *testing.T) {
			withSlot(t, func(slot *Slot) {
				ok, rehash, err := slot.Verify(t.Context(), encoded, "U*U")
				if ok || rehash || !errors.Is(err, ErrMalformed) {
					t.Errorf("Verify = %v, %v, %v; want false, false, ErrMalformed", ok, rehash, err)
				}
			})
		})
	}
}

// FuzzVerify proves that no stored hash makes Verify panic, or work beyond the bounds.
func FuzzVerify(f *testing.F) {
	for _, encoded := range []string{
		"",
		"$$$$$",
		"$argon2id$v=19$m=64,t=1,p=1$AAECAwQFBgcICQoLDA0ODw$Z58tUA+Fedrefsa4QBe1wPHvW4lSYNhE/siuSWxj348",
		"$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"$2a$04$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"$2y$14$/OK.fbVrR/bpIqNJ5ianF.CE5elHaaO4EbggVDjb8P19RukzXSM3e",
		"$2b$31$abcdefghijklmnopqrstuusZcIAo6F6FOVl4PrQy8K7Gy1oGehGGe",
	} {
		f.Add(encoded, "lamp river candle stone")
		f.Add(encoded, "\xff\x00"+strings.Repeat("x", 80))
	}
	f.Fuzz(func(t *testing.T, encoded, password string) {
		stored, err := parse(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("parse = %v, want ErrMalformed", err)
			}
			return
		}
		switch stored := stored.(type) {
		case argon2Hash:
			if stored.m > 128<<10 || stored.t > 10 || stored.p > 16 || len(stored.tag) < 16 {
				t.Fatalf("a hash of the cost %+v is accepted", stored.cost)
			}
			if stored.m > 1<<10 {
				return // allowed, but slow
			}
		case bcryptHash:
			if encoded[4:6] > "14" {
				t.Fatalf("a hash of the cost %s is accepted", encoded[4:6])
			}
			if encoded[4:6] > "05" {
				return // allowed, but slow
			}
		}
		withSlot(t, func(slot *Slot) {
			ok, rehash, err := slot.Verify(t.Context(), encoded, Plaintext(password))
			if err != nil || rehash && !ok {
				t.Errorf("Verify = %v, %v, %v", ok, rehash, err)
			}
		})
	})
}

// TestVerifyIsNeverFasterThanNothing counts what a wrong password costs by the memory of our hash: an
// account with a hash of another system costs one of ours at least, as an account that does not exist.
func TestVerifyIsNeverFasterThanNothing(t *testing.T) {
	const seventyTwo = "012345678901234567890123456789012345678901234567890123456789012345678901"
	hasher := New(Options{})
	ours, err := hasher.Hash(t.Context(), seventyTwo)
	if err != nil {
		t.Fatal(err)
	}
	slot, err := hasher.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slot.Release()
	// evaluations are how many of our hashes f computes. bcrypt and the small argon2id need next to no memory.
	evaluations := func(f func()) uint64 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / (uint64(defaultCost.m) << 10)
	}
	for name, tt := range map[string]struct {
		encoded  string
		password Plaintext
		want     uint64
	}{
		"ours":                          {ours, "wrong", 1},
		"ours, right":                   {ours, seventyTwo, 1},
		"ours, no normal form":          {ours, "\xff", 1},
		"bcrypt 4":                      {"$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", "wrong", 1},
		"bcrypt 4, no normal form":      {"$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", "\xff", 1},
		"bcrypt 4, too long for bcrypt": {"$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", seventyTwo + "3", 1},
		"bcrypt 4, right":               {"$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", seventyTwo, 0}, // the new hash follows
		"bcrypt 9":                      {"$2b$09$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", "wrong", 1},
		"bcrypt 10, which takes longer": {"$2b$10$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S", "wrong", 0},
		"argon2id, 256 KiB":             {"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "wrong", 1},
		"argon2id, 64 MiB":              {"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "wrong", 3}, // of its own
		"argon2id, 2 lanes":             {"$argon2id$v=19$m=19456,t=2,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "wrong", 2}, // and one of ours
		"argon2id, 64 MiB and 2 lanes":  {"$argon2id$v=19$m=65536,t=2,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "wrong", 3},
		"argon2id, 64 MiB and 4 lanes":  {"$argon2id$v=19$m=65536,t=2,p=4$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "wrong", 4}, // and one of ours
		"too long for any account":      {ours, Plaintext(strings.Repeat("x", MaxLength+1)), 0},
	} {
		if got := evaluations(func() {
			if _, _, err := slot.Verify(t.Context(), tt.encoded, tt.password); err != nil {
				t.Error(err)
			}
		}); got != tt.want {
			t.Errorf("%s: %d evaluations, want %d", name, got, tt.want)
		}
	}
	for password, want := range map[Plaintext]uint64{"wrong": 1, Plaintext(strings.Repeat("x", MaxLength+1)): 0} {
		if got := evaluations(func() { slot.VerifyNothing(t.Context(), password) }); got != want {
			t.Errorf("nothing: %d evaluations, want %d", got, want)
		}
	}
}
