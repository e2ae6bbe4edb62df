package auth

import (
	"context"
	"errors"
)

// UpdateMeInput is the input of UpdateMe. What is nil stays as it is.
type UpdateMeInput struct {
	// FullName is the new full name; an empty one removes it.
	FullName *string
}

// UpdateMePayload answers UpdateMe.
type UpdateMePayload struct {
	User *User
}

// UpdateMe changes what the account of the signed-in user says.
func (s *Service) UpdateMe(ctx context.Context, in UpdateMeInput) (*UpdateMePayload, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if in.FullName == nil {
		return &UpdateMePayload{User: &v.User}, nil
	}
	name, err := parseFullName(*in.FullName)
	if err != nil {
		return nil, BadInput(fieldError("fullName", err))
	}
	changed := *v // others may be reading the one of the request
	err = s.inTx(ctx, inSession(v), func(ctx context.Context, tx *act) error {
		return tx.rename(ctx, &changed.User, name)
	})
	if errors.Is(err, ErrNotFound) { // deleted meanwhile
		return nil, unauthenticated(ReasonSessionEnded)
	}
	if err != nil {
		return nil, err
	}
	CallerFrom(ctx).renew(&changed)
	return &UpdateMePayload{User: &changed.User}, nil
}
