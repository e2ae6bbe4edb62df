package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
)

// UpdateMeInput is the input of UpdateMe. Nil fields change nothing.
type UpdateMeInput struct {
	// FullName is the new full name; an empty one removes it.
	FullName *string
	// Locale is the new language tag of mails; an empty one removes it.
	Locale *string
	// Metadata is a JSON merge patch (RFC 7396).
	Metadata *jsonobject.Object
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
	change, problems := ProfileInput{FullName: in.FullName, Locale: in.Locale, Metadata: in.Metadata}.Parse()
	switch {
	case problems != nil:
		return nil, auth.BadInput(problems...)
	case change.IsEmpty():
		return &UpdateMePayload{User: &v.User}, nil
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		return change.Apply(ctx, tx, &v.User)
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &UpdateMePayload{User: &v.User}, nil
}
