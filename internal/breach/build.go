package breach

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// BuildOptions say how Build makes a file.
type BuildOptions struct {
	// Bits is how many bits an entry has, 8 or 16: one of 2^8 or 2^16 other passwords is taken for an entry.
	Bits uint32
	// MinCount leaves out passwords that occurred less often.
	MinCount uint64
	// Progress is called now and then with the number of lines that were read. Nil means not.
	Progress func(lines uint64)
}

// Built says what Build has made.
type Built struct {
	// Lines is how many lines the list has, and Entries how many of them the file has.
	Lines, Entries uint64
	// Size is the size of the file in bytes.
	Size int64
}

// Build reads a sorted list and writes the file name. It needs some 20 MB of memory for any length of the list. The
// file appears when it is complete; after an error there is none, or still the old one.
func Build(ctx context.Context, list io.Reader, name string, o BuildOptions) (_ *Built, err error) {
	if o.Bits != 8 && o.Bits != 16 {
		return nil, fmt.Errorf("a fingerprint has 8 or 16 bits, not %d", o.Bits)
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*.tmp")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = temporary.Close()
			err = errors.Join(err, os.Remove(temporary.Name()))
		}
	}()
	b := &builder{out: bufio.NewWriterSize(temporary, 1<<20), header: header{bits: o.Bits}, end: headerSize, keys: make([]uint64, 0, blockKeys)}
	built, err := b.build(ctx, &reader{list: bufio.NewReaderSize(list, 1<<20), minCount: o.MinCount}, o.Progress)
	if err != nil {
		return nil, err
	}
	if _, err := temporary.WriteAt(b.head(), 0); err != nil {
		return nil, err
	}
	// Other users may read it, such as the one of the server: its content is public.
	if err := errors.Join(temporary.Chmod(0o644), temporary.Sync()); err != nil {
		return nil, err
	}
	if err := temporary.Close(); err != nil {
		return nil, err
	}
	return built, os.Rename(temporary.Name(), name)
}

// builder writes blocks and the directory.
type builder struct {
	out       *bufio.Writer
	header    header
	directory []byte
	end       int64    // of the blocks so far
	keys      []uint64 // of the next block
}

// progressLines is how many lines are read between two calls of Progress.
const progressLines = 1 << 20

func (b *builder) build(ctx context.Context, r *reader, progress func(lines uint64)) (*Built, error) {
	if _, err := b.out.Write(make([]byte, headerSize)); err != nil {
		return nil, err
	}
	for {
		hash, err := r.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if r.lines%progressLines == 0 && progress != nil {
			progress(r.lines)
		}
		key := binary.BigEndian.Uint64(hash[:])
		if n := len(b.keys); n > 0 && b.keys[n-1] == key {
			continue
		}
		if len(b.keys) == blockKeys {
			if err := b.flush(ctx); err != nil {
				return nil, err
			}
		}
		b.keys = append(b.keys, key)
	}
	if len(b.keys) == 0 {
		return nil, errors.New("the list has no passwords")
	}
	if err := b.flush(ctx); err != nil {
		return nil, err
	}
	if _, err := b.out.Write(b.directory); err != nil {
		return nil, err
	}
	return &Built{Lines: r.lines, Entries: b.header.entries, Size: b.end + int64(len(b.directory))}, b.out.Flush()
}

// flush writes the next block.
func (b *builder) flush(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if b.header.blocks == maxBlocks {
		return errors.New("the list is too long")
	}
	n := uint64(len(b.keys))
	row, fingerprints, err := fuse(b.keys, b.header.bits)
	if err != nil {
		return err
	}
	row.offset = uint64(b.end) //nolint:gosec // not negative
	b.directory = row.append(b.directory)
	b.end += int64(len(fingerprints))
	b.header.entries += n
	b.header.blocks++
	b.keys = b.keys[:0]
	_, err = b.out.Write(fingerprints)
	return err
}

func (b *builder) head() []byte {
	head := b.header.append(make([]byte, 0, headerSize))
	sum := checksum(head, b.directory)
	return append(head, sum[:]...)
}
