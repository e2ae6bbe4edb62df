package auth

import "context"

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
	err = s.inTxOf(ctx, v, func(ctx context.Context, tx *act, live *Viewer) error {
		v = live
		return tx.rename(ctx, &v.User, name)
	})
	if err != nil {
		return nil, err
	}
	CallerFrom(ctx).renew(v)
	return &UpdateMePayload{User: &v.User}, nil
}
