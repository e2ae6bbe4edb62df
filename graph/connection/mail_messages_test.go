package connection_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"usher/graph/connection"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
)

func TestMailMessagePages(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, accounts.Input{Username: new("ada")})
		ctx := f.As(t, root.AccessToken)
		var want []string // the newest first
		for n := range 7 {
			f.Clock.Advance(time.Second)
			email := fmt.Sprintf("a%d@example.com", n)
			if _, err := f.Domain.Recovery.RequestSignup(t.Context(), recovery.RequestSignupInput{Email: email}); err != nil {
				t.Fatal(err)
			}
			f.NewMail(t, "sign-up", email)
			want = append([]string{email}, want...)
		}
		var cursor *string
		for _, size := range []int{1, 3, 7, 100} {
			var got []string
			var after *string
			for {
				page, err := f.MailMessages(ctx, first(size, after), &admin.MailMessageFilter{State: new(auth.MailSent)})
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range page.Edges {
					got = append(got, *e.Node.Recipient)
				}
				if page.PageInfo.HasPreviousPage != (after != nil) || page.PageInfo.HasNextPage != (len(got) < len(want)) {
					t.Errorf("by %d: after %d mails %+v", size, len(got), page.PageInfo)
				}
				if after = page.PageInfo.EndCursor; !page.PageInfo.HasNextPage {
					break
				}
				cursor = after
			}
			if !slices.Equal(got, want) {
				t.Errorf("by %d: %v, want %v", size, got, want)
			}
		}
		page, err := f.MailMessages(ctx, connection.PageArguments{Last: new(2)}, nil)
		if err != nil || len(page.Edges) != 2 || *page.Edges[1].Node.Recipient != "a0@example.com" {
			t.Errorf("the last two: %+v, %v", page, err)
		}
		if page, err := f.MailMessages(ctx, first(2, nil), &admin.MailMessageFilter{State: new(auth.MailQueued)}); err != nil || len(page.Edges) != 0 {
			t.Errorf("queued: %+v, %v", page, err)
		}
		if _, err := f.AuditEvents(ctx, connection.PageArguments{After: cursor}, nil); authtest.Code(err) != "BAD_USER_INPUT after=INVALID_FORMAT" {
			t.Errorf("a cursor of another list: %v", err)
		}
		if _, err := f.MailMessages(ctx, first(101, nil), nil); authtest.Code(err) != "BAD_USER_INPUT first=INVALID_FORMAT" {
			t.Errorf("too many: %v", err)
		}
		if _, err := f.MailMessages(f.As(t, ada.AccessToken), connection.PageArguments{}, nil); authtest.Code(err) != "FORBIDDEN" {
			t.Errorf("as a user: %v", err)
		}
	})
}
