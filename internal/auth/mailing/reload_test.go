package mailing_test

import (
	"context"
	"fmt"
	"testing"

	"usher/internal/mail"
)

// TestSetPost replaces the post 100 times while mails are sent: each mail begins with one post, whose answer makes the
// next one current. Each mail must be composed and sent by the same post, and no transport may stay open.
func TestSetPost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		const replacements = 100
		posts := []*post{f.post}
		f.post.answer = func(context.Context, mail.Message) error {
			if len(posts) <= replacements {
				next := newPost(t)
				next.answer = f.post.answer
				posts = append(posts, next)
				f.SetPost(next.Post())
			}
			return nil
		}
		for i := range replacements + 1 { // one by one, so that the order is known
			f.notice(t, fmt.Sprintf("ada%d@example.com", i))
			f.deliver(t)
		}
		total := 0
		for i, p := range posts {
			sent := p.take()
			if total += len(sent); len(sent) != 1 || sent[0].Template == "" {
				t.Errorf("post %d sent %v", i, sent)
			}
			if p.open != 0 {
				t.Errorf("post %d has %d open transports", i, p.open)
			}
		}
		if total != replacements+1 {
			t.Errorf("%d mails sent", total)
		}
	})
}

// TestSetPostWhileSending replaces the post while a mail is being sent, and another one is due. The first one ends with
// what it began with. The second one must not use the idle connection of the former server.
func TestSetPostWhileSending(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		next := newPost(t)
		f.post.answer = func(ctx context.Context, m mail.Message) error {
			f.SetPost(next.Post())
			f.notice(t, "eve@example.com")
			return nil
		}
		f.notice(t, "ada@example.com")
		f.deliver(t)
		f.post.wantSent(t, "password-changed to ada@example.com")
		next.wantSent(t, "password-changed to eve@example.com")
		if f.post.open != 0 || next.open != 0 {
			t.Errorf("open transports: %d and %d", f.post.open, next.open)
		}
		f.SetPost(nil)
		if !f.Enabled() {
			t.Error("mail was turned off")
		}
		off := f.newOutbox(t, nil, nil)
		off.SetPost(next.Post())
		if off.Enabled() {
			t.Error("mail was turned on without a key")
		}
	})
}
