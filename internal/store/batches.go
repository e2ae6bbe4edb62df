package store

import (
	"math/bits"
	"slices"
)

// batchSizes is how many texts a statement for a batch has: for 1, 2, 4, … batch.MaxSize keys. Few texts are
// few prepared statements.
const batchSizes = 7

// pad fills keys up to the next of these sizes, with repetitions of the last one. It returns which size it is.
func pad[K any](keys []K) (size int, padded []K) {
	size = bits.Len(uint(len(keys) - 1))
	return size, append(slices.Clip(keys), slices.Repeat(keys[len(keys)-1:], 1<<size-len(keys))...)
}
