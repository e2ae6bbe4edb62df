//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/totp"
)

// TestOathtool compares the codes of seeds and times with those of oathtool. One call prints twenty codes.
func TestOathtool(t *testing.T) {
	t.Parallel()
	oathtool := program(t, "oathtool", "oathtool")
	random := rand.NewChaCha8([32]byte{})
	for range 16 {
		seed, start := newSeed(t, random), int64(random.Uint64()>>31) // up to the year 2242
		out := pipe(t, seed.Base32(), oathtool, "--totp", "--base32", "--now", fmt.Sprintf("@%d", start), "--window", "19", "-")
		var want strings.Builder
		for i := range int64(20) {
			fmt.Fprintln(&want, seed.Code(start/30+i))
		}
		if diff := cmp.Diff(want.String(), out); diff != "" {
			t.Errorf("%s at %d (-Usher +oathtool):\n%s", seed.Base32(), start, diff)
		}
	}
}

// scanned are the names in the QR codes of the tests, from small to large codes.
var scanned = []struct{ issuer, account string }{
	{"Usher", "ada"},
	{"Usher", "ada.lovelace+otp@example.com"},
	{"Käse & Söhne, GmbH", "Ada Lovelace"},
	{"100% =?#/", "a&secret=b"},
	{"\u5206\u6790\u6a5f\u95a2", "\u963f\u9054@\u4f8b\u3048.example"},
	{strings.Repeat("ä", 64), strings.Repeat("a", 64) + "@" + strings.Repeat("b.", 90) + "example"},
}

// TestQRCode draws QR codes with librsvg, and reads them with ZBar.
func TestQRCode(t *testing.T) {
	t.Parallel()
	rsvg, zbar := program(t, "rsvg-convert", "librsvg2-bin"), program(t, "zbarimg", "zbar-tools")
	random := rand.NewChaCha8([32]byte{})
	for _, names := range scanned {
		uri := newSeed(t, random).URI(names.issuer, names.account)
		svg, err := totp.QRCodeSVG(uri)
		if err != nil {
			t.Fatal(err)
		}
		// On black, as a page in dark mode is.
		png := pipe(t, svg, rsvg, "--zoom", "4", "--background-color", "black")
		if got := pipe(t, png, zbar, "--quiet", "--raw", "--oneshot", "-Sdisable", "-Sqrcode.enable", "PNG:-"); strings.TrimSuffix(got, "\n") != uri {
			t.Errorf("got %s, want %s", got, uri)
		}
	}
}

// TestOTPAuth reads URIs with the library otpauth, and compares the names and the codes, which otplib computes too.
func TestOTPAuth(t *testing.T) {
	t.Parallel()
	install(t, "authenticator")
	type app struct {
		Issuer, Account string
		Codes, Others   []string
	}
	times := []int64{0, 29, 30, 1234567890, 20000000000, time.Now().Unix()}
	command := []string{"read.mjs"}
	for _, at := range times {
		command = append(command, strconv.FormatInt(at, 10))
	}
	random := rand.NewChaCha8([32]byte{})
	var uris []string
	var want, got []app
	for _, names := range scanned {
		seed := newSeed(t, random)
		shown := app{Issuer: names.issuer, Account: names.account}
		for _, at := range times {
			shown.Codes = append(shown.Codes, seed.Code(at/30))
		}
		shown.Others = shown.Codes
		uris, want = append(uris, seed.URI(names.issuer, names.account)), append(want, shown)
	}
	input, err := json.Marshal(uris)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", command...)
	cmd.Dir, cmd.Stdin = "authenticator", bytes.NewReader(input)
	if err := json.Unmarshal([]byte(output(t, cmd)), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-Usher +libraries):\n%s", diff)
	}
}

func newSeed(t *testing.T, random *rand.ChaCha8) totp.Seed {
	t.Helper()
	seed, err := totp.NewSeed(random)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// pipe returns what a program prints for an input.
func pipe(t *testing.T, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(input)
	return output(t, cmd)
}

func output(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, &stderr)
	}
	return string(out)
}
