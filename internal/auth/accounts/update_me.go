package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
)

// UpdateMeInput is the input of UpdateMe. Nil fields change nothing.
type UpdateMeInput struct {
	// FullName is the new full name; an empty one removes it.
	FullName *string
}

// UpdateMePayload answers UpdateMe.
type UpdateMePayload struct {
	User *auth.User
}

// UpdateMe changes the signed-in user's account.
func (s *Service) UpdateMe(ctx context.Context, in UpdateMeInput) (*UpdateMePayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if in.FullName == nil {
		return &UpdateMePayload{User: &v.User}, nil
	}
	name, err := auth.ParseFullName(*in.FullName)
	if err != nil {
		return nil, auth.BadInput(auth.InvalidField("fullName", err))
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		return Rename(ctx, tx, &v.User, name)
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &UpdateMePayload{User: &v.User}, nil
}
