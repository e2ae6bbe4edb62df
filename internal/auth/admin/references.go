package admin

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// references are the places for users by their ids. They are found all at once.
type references map[uuid.UUID][]**auth.User

// add notes a place for the user with an id; nil for none.
func (r references) add(id *uuid.UUID, place **auth.User) {
	if id != nil {
		r[*id] = append(r[*id], place)
	}
}

// userFinder is a Store or a transaction.
type userFinder interface {
	UsersByID(ctx context.Context, ids []uuid.UUID) ([]auth.User, error)
}

// resolve looks the users up. The places of those that were deleted stay nil.
func (r references) resolve(ctx context.Context, store userFinder) error {
	if len(r) == 0 {
		return nil
	}
	found, err := store.UsersByID(ctx, slices.Collect(maps.Keys(r)))
	if err != nil {
		return err
	}
	for i := range found {
		for _, place := range r[found[i].ID] {
			*place = &found[i]
		}
	}
	return nil
}
