package accounts

import (
	"context"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/jsonobject"
)

const (
	// parallelExports is how many exports a server makes at once.
	parallelExports = 2
	exportRetry     = 2 * time.Second
)

// RequestDataExportPayload answers RequestDataExport.
type RequestDataExportPayload struct {
	CreatedAt time.Time
	Data      jsonobject.Object
}

// RequestDataExport returns what the server keeps about the signed-in user (GDPR, article 15), without what is secret: the
// hash of the password, the digests of tokens, the contents of mails.
func (s *Service) RequestDataExport(ctx context.Context) (*RequestDataExportPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	select {
	case s.exports <- struct{}{}:
		defer func() { <-s.exports }()
	default:
		return nil, &auth.Error{Code: auth.CodeServiceUnavailable, RetryAfter: exportRetry}
	}
	now := s.tx.Now()
	// The data is read before the transaction, because it can be much, and SQLite has one writer.
	e := &export{store: s.store, user: v.User.ID, now: now}
	if err := e.read(ctx); err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventDataExported, UserID: &v.User.ID})
	})
	if err != nil {
		return nil, err
	}
	return &RequestDataExportPayload{CreatedAt: now, Data: jsonobject.Object(e.text.String())}, nil
}
