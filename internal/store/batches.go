package store

import (
	"context"
	"math/bits"
	"slices"

	"usher/internal/batch"
	"usher/internal/observe"
)

// batchSizes is the number of texts of a batch statement: one each for 1, 2, 4, … batch.MaxSize keys. This
// keeps the number of prepared statements low.
const batchSizes = 7

// The statements that answer several calls at once.
const (
	lookUpViewers       = "look up viewers"
	lookUpRefreshStates = "look up refresh states"
	rotateTokens        = "rotate"
)

// Batched returns the names of the statements that answer several calls at once.
func Batched() []string { return []string{lookUpViewers, lookUpRefreshStates, rotateTokens} }

// pad repeats the last key until keys has one of these sizes. size is its index, so len(padded) is 1<<size.
func pad[K any](keys []K) (size int, padded []K) {
	size = bits.Len(uint(len(keys) - 1))
	return size, append(slices.Clip(keys), slices.Repeat(keys[len(keys)-1:], 1<<size-len(keys))...)
}

// batched makes a call that may share its statement with others.
func batched[K, V any](ctx context.Context, to target, b *batch.Batcher[K, V], doing string, key K) (V, error) {
	ctx, end := to.observer.Step(ctx, observe.Batch, doing)
	v, err := b.Do(ctx, key)
	err = fault(ctx, doing, err)
	end(failure(err))
	return v, err
}
