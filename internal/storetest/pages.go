package storetest

import (
	"fmt"
	"testing"

	"usher/internal/auth"
)

// checkPages reads pages of a list between all pairs of positions, from the start and from the end, of several sizes. It
// compares each with the part of the whole list that it should be.
func checkPages[T, P any](t *testing.T, whole []T, position func(T) P, read func(page auth.Page[P]) []T) {
	t.Helper()
	n := len(whole)
	at := func(i int) *P {
		if i < 0 || i >= n {
			return nil
		}
		return new(position(whole[i]))
	}
	for after := -1; after < n; after++ {
		for before := n; before >= 0; before-- {
			between := whole[min(after+1, before):before]
			for _, limit := range []int{1, 2, len(between), len(between) + 1} {
				size := min(limit, len(between))
				for last, want := range map[bool][]T{false: between[:size], true: between[len(between)-size:]} {
					got := read(auth.Page[P]{After: at(after), Before: at(before), Last: last, Limit: limit})
					equal(t, fmt.Sprintf("%d elements between %d and %d, the last: %t", limit, after, before, last),
						append([]T{}, got...), append([]T{}, want...))
				}
			}
		}
	}
}
