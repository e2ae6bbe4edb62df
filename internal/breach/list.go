package breach

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// reader reads a published list: a line for each password with its SHA-1 hash in hexadecimal and, after a colon, how often it
// occurred. The hashes are sorted. The count may be missing.
type reader struct {
	list     *bufio.Reader
	minCount uint64
	lines    uint64
	last     Hash
}

// maxLine is more than the length of any line.
const maxLine = 128

// next returns the next hash of a password that occurred often enough; io.EOF after the last one.
func (r *reader) next() (Hash, error) {
	for {
		line, err := r.list.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
			return Hash{}, err
		}
		if len(line) == 0 {
			return Hash{}, io.EOF
		}
		r.lines++
		hash, count, err := parseLine(line)
		if err != nil {
			return Hash{}, fmt.Errorf("line %d %w", r.lines, err)
		}
		if r.lines > 1 && bytes.Compare(hash[:], r.last[:]) < 0 {
			return Hash{}, fmt.Errorf("line %d is not in order: the list must be sorted by hash", r.lines)
		}
		r.last = hash
		if r.minCount <= 1 {
			return hash, nil
		}
		if count == nil {
			return Hash{}, fmt.Errorf("line %d has no count, which --min-count needs", r.lines)
		}
		if *count >= r.minCount {
			return hash, nil
		}
	}
}

var errLine = errors.New("is not a SHA-1 hash of 40 hexadecimal digits, or one with a colon and a count")

// parseLine reads a line. The error does not repeat it. The count is nil if there is none.
func parseLine(line []byte) (hash Hash, count *uint64, err error) {
	if len(line) > maxLine {
		return hash, nil, errLine
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	digits, rest, counted := bytes.Cut(line, []byte(":"))
	if len(digits) != hex.EncodedLen(len(hash)) {
		return hash, nil, errLine
	}
	if _, err := hex.Decode(hash[:], digits); err != nil {
		return hash, nil, errLine
	}
	if !counted {
		return hash, nil, nil
	}
	n, err := strconv.ParseUint(string(rest), 10, 64)
	if err != nil {
		return hash, nil, errLine
	}
	return hash, &n, nil
}
