package mail

import (
	"testing"

	"github.com/emersion/go-smtp"
)

func TestBatchReusesConnection(t *testing.T) {
	s := &server{}
	m := s.start(t, nil)
	b := m.Batch()
	defer b.Close()
	for range 5 {
		if _, err := b.Send(t.Context(), compose(t, m, "ada@example.com")); err != nil {
			t.Fatal(err)
		}
	}
	if mails, conns := s.received(); len(mails) != 5 || conns != 1 {
		t.Errorf("%d mails by %d connections", len(mails), conns)
	}
}

// TestServerEndsConnection ends the connection between two mails, silently and with 421.
func TestServerEndsConnection(t *testing.T) {
	limit := &server{mail: func(s *server, _ string) error {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		if len(s.mails) == 1 && len(s.conns) == 1 {
			return &smtp.SMTPError{Code: 421, EnhancedCode: smtp.NoEnhancedCode, Message: "too many mails"}
		}
		return nil
	}}
	for name, m := range map[string]*Mailer{
		"silently": plain(t, &script{answers: append(ready[:5:5], ".", "250 queued")}),
		"421":      limit.start(t, nil),
	} {
		t.Run(name, func(t *testing.T) {
			b := m.Batch()
			defer b.Close()
			for range 3 {
				if _, err := b.Send(t.Context(), compose(t, m, "ada@example.com")); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	if mails, conns := limit.received(); len(mails) != 3 || conns != 2 {
		t.Errorf("%d mails by %d connections", len(mails), conns)
	}
}
