package httpd

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadinessIsCached(t *testing.T) {
	asked := 0
	now := time.Unix(0, 0)
	r := readiness{
		now: func() time.Time { return now },
		log: slog.New(slog.DiscardHandler),
		ask: func(context.Context) error {
			asked++
			return nil
		},
	}
	var group sync.WaitGroup
	for range 100 {
		group.Go(func() {
			if err := r.check(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if asked != 1 {
		t.Errorf("asked %d times at once, want once", asked)
	}
	now = now.Add(readyTTL)
	if err := r.check(t.Context()); err != nil || asked != 2 {
		t.Errorf("asked %d times (%v), want twice", asked, err)
	}
}

func TestReadinessTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := readiness{now: time.Now, log: slog.New(slog.DiscardHandler), ask: func(ctx context.Context) error {
			<-ctx.Done() // like a database that does not respond
			return ctx.Err()
		}}
		// A client that has disconnected must not cancel the check, whose result others share.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		start := time.Now()
		err := r.check(ctx)
		if took := time.Since(start); !errors.Is(err, context.DeadlineExceeded) || took != readyTimeout {
			t.Errorf("got %v after %v, want a timeout after %v", err, took, readyTimeout)
		}
	})
}

func TestReadinessLogsItsChanges(t *testing.T) {
	var buffer bytes.Buffer
	var failure error
	now := time.Unix(0, 0)
	r := readiness{
		now: func() time.Time { return now },
		log: slog.New(slog.NewTextHandler(&buffer, nil)),
		ask: func(context.Context) error { return failure },
	}
	for _, failure = range []error{nil, errors.New("down"), errors.New("down"), nil, nil} {
		now = now.Add(readyTTL)
		if got := r.check(t.Context()); !errors.Is(got, failure) {
			t.Errorf("got %v, want %v", got, failure)
		}
	}
	log := buffer.String()
	if strings.Count(log, "\n") != 2 || !strings.Contains(log, `msg="not ready" err=down`) || !strings.Contains(log, `msg="ready again"`) {
		t.Errorf("the log is\n%s", log)
	}
}

func TestReadinessSurvivesAPanic(t *testing.T) {
	o := testOptions(t, ok)
	asked := 0
	o.Ready = func(context.Context) error {
		if asked++; asked == 1 {
			panic("boom")
		}
		return nil
	}
	s := New(o)
	for _, want := range []int{http.StatusInternalServerError, http.StatusOK} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
		if w.Code != want {
			t.Errorf("got %d, want %d", w.Code, want)
		}
	}
}
