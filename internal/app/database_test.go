package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/store"
)

func TestAwait(t *testing.T) {
	t.Parallel()
	down := &store.OpenError{Problem: "down", MayPass: true}
	wrong := &store.OpenError{Problem: "wrong role"}
	hang := errors.New("hang")
	for name, c := range map[string]struct {
		limit    time.Duration
		attempts []error // the last one repeats
		want     string
		took     time.Duration
		opened   int
		log      string
	}{
		"at once":         {10 * time.Second, []error{nil}, "", 0, 1, ""},
		"without a limit": {0, []error{down}, "down", 0, 1, ""},
		"later":           {10 * time.Second, []error{down, down, down, nil}, "", 3 * time.Second, 4, "waiting the"},
		"too late":        {2500 * time.Millisecond, []error{down}, "down", 2500 * time.Millisecond, 4, "waiting"},
		"wrong at once":   {10 * time.Second, []error{wrong}, "wrong role", 0, 1, ""},
		"wrong later":     {10 * time.Second, []error{down, wrong}, "wrong role", time.Second, 2, "waiting"},
		"no answer":       {10 * time.Second, []error{hang}, "no answer", 10 * time.Second, 1, ""},
		"no answer later": {10 * time.Second, []error{down, hang}, "down", 10 * time.Second, 2, "waiting"},
		"another error":   {10 * time.Second, []error{down, errors.New("x")}, "x", time.Second, 2, "waiting"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				start, opened := time.Now(), 0
				got, err := await(t.Context(), c.limit, slog.New(slog.NewTextHandler(&log, nil)), func(ctx context.Context) (int, error) {
					err := c.attempts[min(opened, len(c.attempts)-1)]
					opened++
					if errors.Is(err, hang) {
						<-ctx.Done()
						err = &store.OpenError{Problem: "no answer", MayPass: true}
					}
					return opened, err
				})
				if (err == nil) != (c.want == "") || err != nil && err.Error() != c.want || err == nil && got != opened {
					t.Errorf("got %d, %v, want %q", got, err, c.want)
				}
				if took := time.Since(start); took != c.took || opened != c.opened {
					t.Errorf("%d attempts in %v, want %d in %v", opened, took, c.opened, c.took)
				}
				var lines []string
				for line := range strings.Lines(log.String()) {
					_, message, _ := strings.Cut(line, `msg="`)
					message, _, _ = strings.Cut(message, " ")
					lines = append(lines, message)
				}
				if strings.Join(lines, " ") != c.log {
					t.Errorf("logged %q, want %q", log.String(), c.log)
				}
			})
		})
	}
}

func TestAwaitInterrupted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(1500*time.Millisecond, cancel)
		start := time.Now()
		_, err := await(ctx, time.Minute, slog.New(slog.DiscardHandler), func(ctx context.Context) (int, error) {
			if ctx.Err() != nil {
				return 0, ctx.Err()
			}
			return 0, &store.OpenError{Problem: "down", MayPass: true}
		})
		if took := time.Since(start); err == nil || !strings.Contains(err.Error(), "interrupted") || took != 1500*time.Millisecond {
			t.Errorf("got %v after %v", err, took)
		}
	})
}
