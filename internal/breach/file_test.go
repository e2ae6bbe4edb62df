package breach

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fileOf returns the bytes of a file of hashes.
func fileOf(t testing.TB, hashes []Hash, bits uint32) []byte {
	t.Helper()
	name := filepath.Join(t.TempDir(), "breaches.bin")
	if _, err := Build(t.Context(), bytes.NewReader(textOf(hashes)), name, BuildOptions{Bits: bits}); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// TestOpenFile checks that a file is rejected when it was cut anywhere, when a byte of its header or directory differs, and when
// it is something else.
func TestOpenFile(t *testing.T) {
	valid := fileOf(t, sorted(1000), 8)
	name := filepath.Join(t.TempDir(), "breaches.bin")
	open := func(content []byte) error {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := OpenFile(name)
		if err == nil {
			_ = f.Close()
		} else if !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("the error %v does not name the file", err)
		}
		return err
	}
	if err := open(valid); err != nil {
		t.Fatal(err)
	}
	for n := range valid {
		want := errTruncated
		if n < len(magic) {
			want = errForeign
		}
		err := open(valid[:n])
		if !errors.Is(err, want) && (n < headerSize+rowSize || !errors.Is(err, errDamaged)) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for _, i := range []int{0, 7, 8, 12, 16, 24, 32, 63, len(valid) - 1, len(valid) - 16, len(valid) - rowSize} {
		damaged := bytes.Clone(valid)
		damaged[i] ^= 4
		if err := open(damaged); err == nil {
			t.Errorf("byte %d differs, and the file is opened", i)
		}
	}
	for name, content := range map[string][]byte{
		"empty": nil, "the list": textOf(sorted(10)), "zeros": make([]byte, 1000), "longer": append(bytes.Clone(valid), 0),
	} {
		if err := open(content); err == nil {
			t.Errorf("%s is opened", name)
		}
	}
	next := bytes.Clone(valid)
	next[8] = 2
	if err := open(next); err == nil || !strings.Contains(err.Error(), "version 2 of its format") {
		t.Errorf("another version: %v", err)
	}
	if _, err := OpenFile(t.TempDir()); !errors.Is(err, errForeign) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := OpenFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// TestReplacedFile shows that an open file answers as before after another is renamed over it, and that one that is cut while it
// is open is an error and does not end the process.
func TestReplacedFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "breaches.bin")
	hashes := sorted(5000)
	if _, err := Build(t.Context(), bytes.NewReader(textOf(hashes)), name, BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := Build(t.Context(), strings.NewReader(line("password")), name, BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	for _, h := range hashes {
		if !contains(t, f, h) {
			t.Fatal("an entry of the older file is no longer found")
		}
	}
	newer, err := OpenFile(name)
	if err != nil {
		t.Fatal(err)
	}
	defer newer.Close()
	if !contains(t, newer, HashOf("password")) {
		t.Error("the entry of the newer file is not found")
	}
	if err := os.Truncate(name, headerSize); err != nil {
		t.Fatal(err)
	}
	if _, err := newer.Contains(HashOf("password")); !errors.Is(err, errTruncated) {
		t.Errorf("in a file that was cut: %v", err)
	}
}

// FuzzOpenFile proves that no content makes the opener or a look-up panic, or read outside of the file. The fuzzer cannot
// guess a checksum, so it is set.
func FuzzOpenFile(f *testing.F) {
	valid := fileOf(f, sorted(100), 8)
	f.Add(valid, []byte("12345678"))
	f.Add(fileOf(f, sorted(3), 16), []byte("\x00"))
	f.Add(valid[:headerSize], []byte("\xff"))
	for _, at := range []int{24, 12, len(valid) - 8, len(valid) - 4, len(valid) - 24} {
		changed := bytes.Clone(valid)
		changed[at] = 0xff
		f.Add(changed, []byte("\xff\xff"))
	}
	f.Fuzz(func(t *testing.T, content, key []byte) {
		content = bytes.Clone(content)
		if len(content) >= headerSize {
			blocks := binary.LittleEndian.Uint64(content[24:])
			if blocks <= uint64(len(content)-headerSize)/rowSize {
				sum := checksum(content[:checksummedSize], content[len(content)-int(blocks)*rowSize:])
				copy(content[checksummedSize:], sum[:])
			}
		}
		inside := &insideReader{t, bytes.NewReader(content), int64(len(content))}
		file, err := newFile(inside, int64(len(content)))
		if err != nil {
			return
		}
		var h Hash
		copy(h[:], key)
		if _, err := file.Contains(h); err != nil {
			t.Errorf("a look-up in a valid file: %v", err)
		}
		for _, k := range file.blocks {
			binary.BigEndian.PutUint64(h[:], k.first)
			if _, err := file.Contains(h); err != nil {
				t.Errorf("a look-up in a valid file: %v", err)
			}
		}
	})
}

type insideReader struct {
	t    *testing.T
	r    io.ReaderAt
	size int64
}

func (r *insideReader) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || len(b) != headerSize && at+int64(len(b)) > r.size {
		r.t.Errorf("%d bytes are read at %d of %d", len(b), at, r.size)
	}
	return r.r.ReadAt(b, at)
}

func BenchmarkContains(b *testing.B) {
	f, _ := build(b, bytes.NewReader(textOf(sorted(1<<20))), BuildOptions{Bits: 8})
	var h Hash
	for i := uint64(0); b.Loop(); i++ {
		binary.BigEndian.PutUint64(h[:], i*0x9E3779B97F4A7C15)
		if _, err := f.Contains(h); err != nil {
			b.Fatal(err)
		}
	}
}
