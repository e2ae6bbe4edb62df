package mailing

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// resealBatch is how many mails Reseal reads at once.
const resealBatch = 100

// Reseal encrypts the content of mails that may still be sent with the current secret. It returns how many it has changed.
// Several replicas may call it at once, and it may be interrupted. A mail that a worker has just read may keep its content:
// the worker writes the row back. The next call changes it.
func (o *Outbox) Reseal(ctx context.Context) (changed int, err error) {
	for _, state := range []auth.MailState{auth.MailQueued, auth.MailFailed} {
		n, err := o.reseal(ctx, state)
		if changed += n; err != nil {
			return changed, err
		}
	}
	return changed, nil
}

func (o *Outbox) reseal(ctx context.Context, state auth.MailState) (changed int, err error) {
	query := auth.MailQuery{State: state, Current: true, Page: auth.Page[uuid.UUID]{Limit: resealBatch}}
	for {
		mails, err := o.store.Mails(ctx, query)
		if err != nil {
			return changed, fmt.Errorf("reseal mails: %w", err)
		}
		for i := range mails {
			m := &mails[i]
			content, ok := o.box.Reseal(m.Content, m.ID[:])
			if !ok { // also without content
				continue
			}
			ok, err := o.store.ResealMail(ctx, m.ID, m.Content, content)
			if err != nil {
				return changed, fmt.Errorf("reseal mail: %w", err)
			}
			if ok {
				changed++
			}
		}
		if len(mails) < resealBatch {
			return changed, nil
		}
		query.After = &mails[len(mails)-1].ID
	}
}
