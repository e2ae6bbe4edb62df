package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
)

// ProfileInput is a change of a profile. Nil fields change nothing.
type ProfileInput struct {
	// FullName is the new full name; an empty one removes it.
	FullName *string
	// Locale is the new language tag of mails; an empty one removes it.
	Locale *string
	// Metadata and AppMetadata are JSON merge patches (RFC 7396). Two clients that change different members at once
	// both succeed.
	Metadata, AppMetadata *jsonobject.Object
}

// ProfileChange is a valid ProfileInput.
type ProfileChange struct {
	input  ProfileInput
	name   auth.FullName
	locale *string
}

// Parse returns the change, and what is wrong with the input.
func (in ProfileInput) Parse() (c ProfileChange, problems []auth.FieldError) {
	c.input = in
	if in.FullName != nil {
		var err error
		if c.name, err = auth.ParseFullName(*in.FullName); err != nil {
			problems = append(problems, auth.InvalidField("fullName", err))
		}
	}
	if in.Locale != nil {
		var err error
		if c.locale, err = auth.ParseLocale(*in.Locale); err != nil {
			problems = append(problems, auth.InvalidField("locale", err))
		}
	}
	return c, problems
}

// IsEmpty reports whether there is nothing to change.
func (c *ProfileChange) IsEmpty() bool { return c.input == ProfileInput{} }

// Apply changes a user's profile in a transaction, if it differs. The transaction has locked the user before it has
// read u.
func (c *ProfileChange) Apply(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	profile, problems := u.Profile(), []auth.FieldError(nil)
	if c.input.FullName != nil {
		profile.FullName = c.name
	}
	if c.input.Locale != nil {
		profile.Locale = c.locale
	}
	for _, patch := range []struct {
		field  string
		target *jsonobject.Object
		with   *jsonobject.Object
	}{
		{"metadata", &profile.Metadata, c.input.Metadata},
		{"appMetadata", &profile.AppMetadata, c.input.AppMetadata},
	} {
		if patch.with == nil {
			continue
		}
		merged, err := patch.target.Merge(*patch.with)
		if err != nil {
			problems = append(problems, auth.InvalidField(patch.field, err))
			continue
		}
		*patch.target = merged
	}
	switch {
	case problems != nil:
		return auth.BadInput(problems...)
	case equal(u.FullName, profile.FullName.Text) && equal(u.Locale, profile.Locale) &&
		u.Metadata == profile.Metadata && u.AppMetadata == profile.AppMetadata:
		return nil
	}
	if err := tx.SetProfile(ctx, u.ID, profile, tx.Now); err != nil {
		return err
	}
	u.FullName, u.Locale, u.UpdatedAt = profile.FullName.Text, profile.Locale, tx.Now
	u.Metadata, u.AppMetadata = profile.Metadata, profile.AppMetadata
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserUpdated, UserID: &u.ID})
}

func equal(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}
