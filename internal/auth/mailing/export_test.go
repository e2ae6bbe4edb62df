package mailing

import "time"

// The limits, for tests.
const (
	Lease          = lease
	FirstRetry     = firstRetry
	LongestRetry   = longestRetry
	MostUnknown    = mostUnknown
	MostFaults     = mostFaults
	Parallel       = parallel
	NoticesPerHour = noticesPerHour
	PerHour        = perHour
	PerDay         = perDay
)

// BackOff is backOff.
func BackOff(attempts int) time.Duration { return backOff(attempts) }

// Shorten is shorten.
func Shorten(text string) string { return shorten(text) }

// SetGrace sets how long an attempt may go on when the server stops.
func (o *Outbox) SetGrace(d time.Duration) { o.grace = d }
