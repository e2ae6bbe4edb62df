package breach

import (
	"encoding/binary"
	"math/bits"

	"github.com/FastFilter/xorfilter"
)

// fuse builds the binary fuse filter of a block's keys. It returns the directory's row without its offset, and the
// fingerprints. It may reorder the keys.
func fuse(keys []uint64, width uint32) (k block, fingerprints []byte, err error) {
	k.first = keys[0]
	if width == 8 {
		f, err := xorfilter.NewBinaryFuse[uint8](keys)
		if err != nil {
			return block{}, nil, err
		}
		k.seed, k.segmentLength, k.segments = f.Seed, f.SegmentLength, f.SegmentCount
		return k, f.Fingerprints, nil
	}
	f, err := xorfilter.NewBinaryFuse[uint16](keys)
	if err != nil {
		return block{}, nil, err
	}
	k.seed, k.segmentLength, k.segments = f.Seed, f.SegmentLength, f.SegmentCount
	fingerprints = make([]byte, 0, 2*len(f.Fingerprints))
	for _, p := range f.Fingerprints {
		fingerprints = binary.LittleEndian.AppendUint16(fingerprints, p)
	}
	return k, fingerprints, nil
}

// locate returns the fingerprint of a key, and the positions of the three in the block whose XOR it is. The library can
// only look up in memory, so this repeats its arithmetic. A test compares them.
func (k *block) locate(key uint64) (fingerprint uint64, positions [3]uint32) {
	hash := mix(key + k.seed)
	first, _ := bits.Mul64(hash, uint64(k.segments)*uint64(k.segmentLength))
	mask := k.segmentLength - 1
	p := uint32(first) //nolint:gosec // less than maxLength
	return hash ^ hash>>32, [3]uint32{
		p,
		(p + k.segmentLength) ^ uint32(hash>>18)&mask, //nolint:gosec // keeps the low bits
		(p + 2*k.segmentLength) ^ uint32(hash)&mask,   //nolint:gosec // keeps the low bits
	}
}

// mix is the finalizer of MurmurHash3.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
