package admin

import (
	"context"
	"fmt"
	"time"

	"usher/internal/auth"
)

// DailyActivity counts the sign-ups and sign-ins of a day.
type DailyActivity struct {
	// Date is the start of the day in UTC.
	Date time.Time
	// Signups, Logins and FailedLogins count the events of these kinds.
	Signups, Logins, FailedLogins int
}

// MaxDays is the largest number of days that DailyActivity counts.
const MaxDays = 90

// DailyActivity counts the sign-ups and sign-ins of the last days, the oldest first. The last one is today.
func (s *Service) DailyActivity(ctx context.Context, days int) ([]DailyActivity, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	if days < 1 || days > MaxDays {
		return nil, auth.BadInput(auth.FieldError{
			Field: "days", Code: auth.InputInvalidFormat, Message: fmt.Sprintf("Must be between 1 and %d.", MaxDays),
		})
	}
	today := s.tx.Now().Truncate(24 * time.Hour) // UTC has no days of another length
	list := make([]DailyActivity, days)
	times := make([]time.Time, days+1)
	for i := range times {
		times[i] = today.AddDate(0, 0, i+1-days)
	}
	for i := range list {
		list[i].Date = times[i]
	}
	for _, kind := range []struct {
		kind  auth.AuditEventKind
		count func(*DailyActivity) *int
	}{
		{auth.EventSignup, func(d *DailyActivity) *int { return &d.Signups }},
		{auth.EventLogin, func(d *DailyActivity) *int { return &d.Logins }},
		{auth.EventLoginFailed, func(d *DailyActivity) *int { return &d.FailedLogins }},
	} {
		counts, err := s.store.CountEvents(ctx, kind.kind, times)
		if err != nil {
			return nil, err
		}
		for i, n := range counts {
			*kind.count(&list[i]) = n
		}
	}
	return list, nil
}

// maxUserCount is where UserCount stops, so that its time does not grow with the number of users.
const maxUserCount = 100_000

// UserCount counts the users, up to maxUserCount.
func (s *Service) UserCount(ctx context.Context) (*int, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	n, err := s.store.CountUsers(ctx, maxUserCount)
	if err != nil {
		return nil, err
	}
	return &n, nil
}
