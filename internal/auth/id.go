package auth

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"
)

// NewID returns a UUID version 7 (RFC 9562 §5.7): the time in microseconds (§6.2, method 3), so that ids sort by time and
// an index grows at its end, and 62 random bits, so that it is unique.
func NewID(now time.Time, random io.Reader) (uuid.UUID, error) {
	var id uuid.UUID
	if _, err := io.ReadFull(random, id[6:]); err != nil {
		return uuid.Nil, fmt.Errorf("new id: %w", err)
	}
	first := FirstID(now)
	copy(id[:8], first[:8])
	id[8] = id[8]&0x3f | 0x80
	return id, nil
}

// FirstID returns the lowest id that NewID can return at a time. A time before 1970 counts as 1970.
func FirstID(at time.Time) (id uuid.UUID) {
	micros := uint64(max(0, at.UnixMicro()))
	binary.BigEndian.PutUint64(id[:8], micros/1000<<16|0x7000|micros%1000*4096/1000)
	id[8] = 0x80
	return id
}
