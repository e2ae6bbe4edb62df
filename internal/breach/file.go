package breach

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// The format of the file, version 1. Numbers are little endian.
//
//	header      64 bytes: magic[8] version[4] bits[4] entries[8] blocks[8] sha256[32]
//	blocks      one after the other, each the fingerprints of a binary fuse filter, of 8 or 16 bits
//	directory   32 bytes for each block: first key[8] offset[8] seed[8] segment length[4] segments[4]
//
// The key of a password is the first 64 bits of its SHA-1 hash, big endian. Two of 900 million have the same key with a
// probability of two percent, which does no harm. A block has the keys from its first one to that of the next
// block. The directory is at the end and the checksum covers the header before it and the directory, so a file that
// is cut anywhere is not valid. The blocks have no checksum: a start should not read a gigabyte.
const (
	magic           = "usherbrl"
	version         = 1
	headerSize      = 64
	checksummedSize = 32 // of the header
	rowSize         = 32

	// blockKeys is how many keys a block has, except the last one. Larger ones take less space for an entry and more
	// memory to build: 2^18 take 1.16 bytes and 10 MB, 2^20 take 1.13 bytes and 40 MB.
	blockKeys = 1 << 18

	// maxBlocks bounds the memory for the directory of a file that is not valid.
	maxBlocks = 1 << 20
	// maxSegment is the most that the construction uses.
	maxSegment = 1 << 18
	maxLength  = 1 << 30
)

var (
	errForeign   = errors.New("not a file of breached passwords; build one with: usher breaches build")
	errTruncated = errors.New("the file is incomplete")
	errDamaged   = errors.New("the file is damaged; build it again with: usher breaches build")
)

// header is the beginning of a file.
type header struct {
	bits            uint32
	entries, blocks uint64
}

// append appends the part of the header that is before the checksum.
func (h *header) append(b []byte) []byte {
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, version)
	b = binary.LittleEndian.AppendUint32(b, h.bits)
	b = binary.LittleEndian.AppendUint64(b, h.entries)
	return binary.LittleEndian.AppendUint64(b, h.blocks)
}

func checksum(header, directory []byte) [sha256.Size]byte {
	return sha256.Sum256(slices.Concat(header, directory))
}

// block is a row of the directory: a binary fuse filter with three segments for each key.
type block struct {
	first, offset, seed uint64
	segmentLength       uint32
	segments            uint32 // where the first fingerprint of a key can be; two more follow
}

func (k *block) append(b []byte) []byte {
	b = binary.LittleEndian.AppendUint64(b, k.first)
	b = binary.LittleEndian.AppendUint64(b, k.offset)
	b = binary.LittleEndian.AppendUint64(b, k.seed)
	b = binary.LittleEndian.AppendUint32(b, k.segmentLength)
	return binary.LittleEndian.AppendUint32(b, k.segments)
}

func parseBlock(b []byte) block {
	return block{
		first: binary.LittleEndian.Uint64(b), offset: binary.LittleEndian.Uint64(b[8:]), seed: binary.LittleEndian.Uint64(b[16:]),
		segmentLength: binary.LittleEndian.Uint32(b[24:]), segments: binary.LittleEndian.Uint32(b[28:]),
	}
}

// length is how many fingerprints the block has.
func (k *block) length() uint64 { return (uint64(k.segments) + 2) * uint64(k.segmentLength) }

func (k *block) valid() bool {
	n := k.segmentLength
	return n > 0 && n <= maxSegment && n&(n-1) == 0 && k.segments > 0 && k.length() <= maxLength
}

// File is an open file. It reads the few bytes of each look-up and does not map the file into memory: its
// pages would count as memory of the process, and a file that is cut while it is mapped ends the process with a
// signal. It keeps reading the file that it has opened after another one is renamed over it. It is safe for
// concurrent use.
type File struct {
	r       io.ReaderAt
	close   func() error
	width   int // of a fingerprint in bytes
	entries uint64
	blocks  []block
}

// OpenFile opens a file that Build has made.
func OpenFile(name string) (*File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errForeign
	}
	var file *File
	if err == nil {
		file, err = newFile(f, info.Size())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	file.close = f.Close
	return file, nil
}

// newFile reads the header and the directory.
func newFile(r io.ReaderAt, size int64) (*File, error) {
	head := make([]byte, headerSize)
	err := readAt(r, head, 0)
	if string(head[:len(magic)]) != magic {
		return nil, errForeign
	}
	if err != nil {
		return nil, err
	}
	if v := binary.LittleEndian.Uint32(head[8:]); v != version {
		return nil, fmt.Errorf("the file has version %d of its format, this program reads version %d; build it again with: usher breaches build", v, version)
	}
	h := header{
		bits: binary.LittleEndian.Uint32(head[12:]), entries: binary.LittleEndian.Uint64(head[16:]), blocks: binary.LittleEndian.Uint64(head[24:]),
	}
	if h.bits != 8 && h.bits != 16 || h.blocks == 0 || h.blocks > maxBlocks {
		return nil, errDamaged
	}
	directorySize := int64(h.blocks) * rowSize
	if size < headerSize+directorySize {
		return nil, errTruncated
	}
	directory := make([]byte, directorySize)
	if err := readAt(r, directory, size-directorySize); err != nil {
		return nil, err
	}
	if sum := checksum(head[:checksummedSize], directory); !bytes.Equal(sum[:], head[checksummedSize:]) {
		return nil, errDamaged
	}
	file := &File{r: r, close: func() error { return nil }, width: int(h.bits / 8), entries: h.entries}
	end := uint64(headerSize)
	for row := range slices.Chunk(directory, rowSize) {
		k := parseBlock(row)
		if !k.valid() || k.offset != end || len(file.blocks) > 0 && k.first <= file.blocks[len(file.blocks)-1].first {
			return nil, errDamaged
		}
		end += k.length() * uint64(h.bits/8)
		file.blocks = append(file.blocks, k)
	}
	if end != uint64(size-directorySize) { //nolint:gosec // not negative, see above
		return nil, errTruncated
	}
	return file, nil
}

// readAt fills b from an offset.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	switch {
	case n == len(b):
		return nil
	case errors.Is(err, io.EOF):
		return errTruncated
	}
	return err
}

// Close closes the file. A nil File can be closed.
func (f *File) Close() error {
	if f == nil {
		return nil
	}
	return f.close()
}

// Contains reports whether a hash is in the list. It is right about each hash of the list. About others it is wrong once
// in 2^8 or 2^16 times, by the bits of the file.
func (f *File) Contains(hash Hash) (bool, error) {
	key := binary.BigEndian.Uint64(hash[:])
	i, found := slices.BinarySearchFunc(f.blocks, key, func(k block, key uint64) int {
		switch {
		case k.first < key:
			return -1
		case k.first > key:
			return 1
		}
		return 0
	})
	if !found {
		i--
	}
	if i < 0 {
		return false, nil
	}
	k := &f.blocks[i]
	fingerprint, positions := k.locate(key)
	buffer := make([]byte, f.width)
	for _, position := range positions {
		at := int64(k.offset) + int64(position)*int64(f.width) //nolint:gosec // inside the file, see newFile
		if err := readAt(f.r, buffer, at); err != nil {
			return false, err
		}
		for j, b := range buffer {
			fingerprint ^= uint64(b) << (8 * j)
		}
	}
	return fingerprint&(1<<(8*f.width)-1) == 0, nil
}
