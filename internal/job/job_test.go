package job_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/job"
)

func TestEvery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var log bytes.Buffer
		begin := time.Now()
		var turns []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			job.Every(ctx, time.Minute, slog.New(slog.NewTextHandler(&log, nil)), "test", func(context.Context) error {
				turns = append(turns, time.Since(begin))
				switch len(turns) {
				case 2:
					return errors.New("no luck")
				case 3:
					panic("no fun")
				case 4:
					cancel()
				}
				return nil
			})
		}()
		<-done
		want := []time.Duration{0, time.Minute, 2 * time.Minute, 3 * time.Minute}
		if len(turns) != len(want) {
			t.Fatalf("turns at %v, want %v", turns, want)
		}
		for i := range want {
			if turns[i] != want[i] {
				t.Errorf("turns at %v, want %v", turns, want)
			}
		}
		for _, text := range []string{"no luck", "no fun"} {
			if strings.Count(log.String(), text) != 1 {
				t.Errorf("the log does not contain %q exactly once: %s", text, log.String())
			}
		}
	})
}
