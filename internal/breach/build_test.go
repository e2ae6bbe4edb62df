package breach

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/FastFilter/xorfilter"
)

// sorted returns n random hashes in order. Their first 32 bits count up, as those of a long list nearly do.
func sorted(n int) []Hash {
	r := rand.New(rand.NewPCG(1, 2))
	hashes := make([]Hash, n)
	step := math.MaxUint32 / uint32(n)
	for i := range hashes {
		binary.BigEndian.PutUint32(hashes[i][:], uint32(i)*step+r.Uint32N(step))
		binary.BigEndian.PutUint64(hashes[i][4:], r.Uint64())
		binary.BigEndian.PutUint64(hashes[i][12:], r.Uint64())
	}
	return hashes
}

func textOf(hashes []Hash) []byte {
	var b bytes.Buffer
	for i, h := range hashes {
		fmt.Fprintf(&b, "%X:%d\r\n", h[:], i%7+1)
	}
	return b.Bytes()
}

// build builds and opens a file of a list.
func build(t testing.TB, list io.Reader, o BuildOptions) (*File, *Built) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "breaches.bin")
	built, err := Build(t.Context(), list, name, o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if info, err := os.Stat(name); err != nil || info.Size() != built.Size || info.Mode().Perm() != 0o644 {
		t.Fatalf("the file: %v, %v; want %d bytes", info, err, built.Size)
	}
	return f, built
}

func contains(t testing.TB, f *File, h Hash) bool {
	t.Helper()
	found, err := f.Contains(h)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestBuild builds files of one block and of several. All entries are found, others at the rate of the bits, and an entry
// takes at most 1.3 bytes with 8 bits.
func TestBuild(t *testing.T) {
	for _, tt := range []struct {
		n      int
		bits   uint32
		bytes  float64 // for an entry
		chance float64
	}{
		{1, 8, 200, 1. / 256},
		{2, 16, 200, 1. / 65536},
		{1000, 8, 2, 1. / 256},
		{2*blockKeys + 1, 8, 1.3, 1. / 256},
		{blockKeys + 5, 16, 2.6, 1. / 65536},
	} {
		t.Run(fmt.Sprint(tt.n, " of ", tt.bits), func(t *testing.T) {
			hashes := sorted(tt.n)
			f, built := build(t, bytes.NewReader(textOf(hashes)), BuildOptions{Bits: tt.bits})
			if built.Lines != uint64(tt.n) || built.Entries != uint64(tt.n) || f.entries != built.Entries {
				t.Errorf("got %+v and %d entries", built, f.entries)
			}
			if size := float64(built.Size) / float64(tt.n); size > tt.bytes {
				t.Errorf("an entry takes %.2f bytes", size)
			}
			for i, h := range hashes {
				if !contains(t, f, h) {
					t.Fatalf("entry %d is not found", i)
				}
			}
			const others = 50_000
			r, wrong := rand.New(rand.NewPCG(3, 4)), 0
			for range others {
				var h Hash
				binary.BigEndian.PutUint64(h[:], r.Uint64())
				if contains(t, f, h) {
					wrong++
				}
			}
			if got := float64(wrong) / others; got > 1.5*tt.chance+3./others {
				t.Errorf("%d of %d others are found: %.5f, want %.5f", wrong, others, got, tt.chance)
			}
		})
	}
}

// TestLocate compares the look-up with that of the library.
func TestLocate(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{1, 2, 10, 5000, 100_000} {
		keys := make([]uint64, n)
		for i := range keys {
			keys[i] = r.Uint64()
		}
		filter, err := xorfilter.NewBinaryFuse[uint16](append([]uint64(nil), keys...))
		if err != nil {
			t.Fatal(err)
		}
		k := block{seed: filter.Seed, segmentLength: filter.SegmentLength, segments: filter.SegmentCount}
		if k.length() != uint64(len(filter.Fingerprints)) {
			t.Fatalf("%d keys: %d fingerprints, want %d", n, k.length(), len(filter.Fingerprints))
		}
		for range 20_000 {
			keys = append(keys, r.Uint64())
		}
		for _, key := range keys {
			fingerprint, at := k.locate(key)
			got := uint16(fingerprint)^filter.Fingerprints[at[0]]^filter.Fingerprints[at[1]]^filter.Fingerprints[at[2]] == 0
			if want := filter.Contains(key); got != want {
				t.Fatalf("%d keys: %x is found: %t, want %t", n, key, got, want)
			}
		}
	}
}

func line(password string) string { h := HashOf(password); return fmt.Sprintf("%X", h[:]) }

// TestForms reads lists in the forms in which they are published.
func TestForms(t *testing.T) {
	names := []string{"admin123", "letmein", "password", "monkey", "123456"}
	var ordered []string
	for _, p := range names {
		ordered = append(ordered, line(p))
	}
	// A list is sorted by hash.
	for i := range ordered {
		for j := range i {
			if ordered[i] < ordered[j] {
				ordered[i], ordered[j] = ordered[j], ordered[i]
				names[i], names[j] = names[j], names[i]
			}
		}
	}
	for name, tt := range map[string]struct {
		list     string
		minCount uint64
		entries  uint64
	}{
		"counts":             {strings.Join(ordered, ":3\n") + ":9\n", 1, 5},
		"CRLF":               {strings.Join(ordered, ":3\r\n") + ":9\r\n", 1, 5},
		"no last line end":   {strings.Join(ordered, ":3\r\n") + ":9", 1, 5},
		"no counts":          {strings.Join(ordered, "\n"), 1, 5},
		"lower case":         {strings.ToLower(strings.Join(ordered, "\n")), 1, 5},
		"repeated lines":     {strings.Join(append(ordered, ordered[4]), "\n"), 1, 5},
		"the common ones":    {strings.Join(ordered, ":3\n") + ":9\n", 4, 1},
		"no least count":     {strings.Join(ordered, ":0\n") + ":0\n", 0, 5},
		"exactly that often": {strings.Join(ordered, ":3\n") + ":9\n", 3, 5},
	} {
		t.Run(name, func(t *testing.T) {
			f, built := build(t, strings.NewReader(tt.list), BuildOptions{Bits: 16, MinCount: tt.minCount})
			if built.Entries != tt.entries || !contains(t, f, HashOf(names[4])) {
				t.Errorf("%d entries, want %d with the last", built.Entries, tt.entries)
			}
			if contains(t, f, HashOf("lamp river candle stone")) {
				t.Error("another password is found")
			}
		})
	}
}

// TestBadLists checks that a list that is not valid leaves no file, and an older file as it is.
func TestBadLists(t *testing.T) {
	a, b := strings.Repeat("A", 40), strings.Repeat("B", 40)
	for name, tt := range map[string]struct {
		list io.Reader
		o    BuildOptions
		want string
	}{
		"empty":             {strings.NewReader(""), BuildOptions{Bits: 8}, "the list has no passwords"},
		"none often enough": {strings.NewReader(a + ":1\n"), BuildOptions{Bits: 8, MinCount: 2}, "the list has no passwords"},
		"not sorted":        {strings.NewReader(b + ":1\n" + a + ":1\n"), BuildOptions{Bits: 8}, "line 2 is not in order"},
		"not hexadecimal":   {strings.NewReader(a + "\n" + strings.Repeat("x", 40) + "\n"), BuildOptions{Bits: 8}, "line 2 is not a SHA-1 hash"},
		"passwords":         {strings.NewReader("hunter2\n"), BuildOptions{Bits: 8}, "line 1 is not a SHA-1 hash"},
		"NTLM":              {strings.NewReader(a[:32] + ":1\n"), BuildOptions{Bits: 8}, "line 1 is not a SHA-1 hash"},
		"truncated":         {strings.NewReader(a + ":1\n" + b[:17]), BuildOptions{Bits: 8}, "line 2 is not a SHA-1 hash"},
		"truncated count":   {strings.NewReader(a + ":1\n" + b + ":"), BuildOptions{Bits: 8}, "line 2 is not a SHA-1 hash"},
		"blank line":        {strings.NewReader(a + "\n\n" + b), BuildOptions{Bits: 8}, "line 2 is not a SHA-1 hash"},
		"binary":            {bytes.NewReader(make([]byte, 5<<20)), BuildOptions{Bits: 8}, "line 1 is not a SHA-1 hash"},
		"no counts":         {strings.NewReader(a + "\n"), BuildOptions{Bits: 8, MinCount: 2}, "line 1 has no count, which --min-count needs"},
		"read error":        {io.MultiReader(strings.NewReader(a+"\n"), broken{}), BuildOptions{Bits: 8}, "disk on fire"},
		"bits":              {strings.NewReader(a + "\n"), BuildOptions{Bits: 12}, "8 or 16 bits, not 12"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			file := filepath.Join(folder, "breaches.bin")
			if err := os.WriteFile(file, []byte("older"), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Build(t.Context(), tt.list, file, tt.o)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			onlyOlder(t, folder)
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("disk on fire") }

func onlyOlder(t *testing.T, folder string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 1 {
		t.Fatalf("the folder has %v, %v", entries, err)
	}
	if content, err := os.ReadFile(filepath.Join(folder, entries[0].Name())); err != nil || string(content) != "older" {
		t.Errorf("the older file has %q, %v", content, err)
	}
}

// TestBuildInterrupted stops a build after its first block, as Ctrl-C does.
func TestBuildInterrupted(t *testing.T) {
	folder := t.TempDir()
	file := filepath.Join(folder, "breaches.bin")
	if err := os.WriteFile(file, []byte("older"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	list := io.MultiReader(bytes.NewReader(textOf(sorted(blockKeys+1))), cancelling(cancel))
	if _, err := Build(ctx, list, file, BuildOptions{Bits: 8}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	onlyOlder(t, folder)
}

type cancelling context.CancelFunc

func (c cancelling) Read([]byte) (int, error) { c(); return 0, io.EOF }

// FuzzParseLine proves that no line is accepted unless it has exactly the form.
func FuzzParseLine(f *testing.F) {
	f.Add([]byte(line("password") + ":9545824\r\n"))
	f.Add([]byte(line("password")))
	f.Add([]byte(":"))
	f.Add([]byte(line("password") + ":-1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		hash, count, err := parseLine(text)
		if err != nil {
			return
		}
		again := fmt.Sprintf("%x", hash[:])
		if count != nil {
			got := strings.TrimRight(string(text[41:]), "\r\n")
			if strings.TrimLeft(got, "0") != strings.TrimLeft(fmt.Sprint(*count), "0") {
				t.Errorf("the count %d of %q", *count, text)
			}
		}
		if !strings.EqualFold(again, string(text[:40])) {
			t.Errorf("%q is read as %s", text, again)
		}
	})
}
