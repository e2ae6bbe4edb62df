package observe_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"

	"usher/internal/batch"
	"usher/internal/observe"
	"usher/internal/request"
)

// newObserver returns an Observer whose clock advances by 1.5 ms each time it is read.
func newObserver(w io.Writer, level slog.Level) *observe.Observer {
	now := time.Unix(0, 0)
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	return observe.New(observe.Options{
		Log: slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: withoutTime})),
		Now: func() time.Time {
			now = now.Add(1500 * time.Microsecond)
			return now
		},
	})
}

func TestStep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		level slog.Level
		want  string
	}{
		"debug": {slog.LevelDebug, "level=DEBUG msg=step id=abc step=statement name=\"find user\" duration_ms=1.5 err=lost\n" +
			"level=DEBUG msg=step id=abc step=request duration_ms=4.5\n"},
		"info": {slog.LevelInfo, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			o := newObserver(&log, tt.level)
			ctx, endOuter := o.Step(request.With(t.Context(), &request.Exchange{Info: request.Info{ID: "abc"}}), observe.Request, "")
			inner, endInner := o.Step(ctx, observe.Statement, "find user")
			endInner(errors.New("lost"))
			endOuter(nil)
			if log.String() != tt.want {
				t.Errorf("got %s, want %s", &log, tt.want)
			}
			if request.From(inner).ID != "abc" {
				t.Error("the context of a step has no request")
			}
		})
	}
}

func TestNilObserver(t *testing.T) {
	t.Parallel()
	var o *observe.Observer
	ctx, end := o.Step(t.Context(), observe.Request, "")
	end(nil)
	if ctx != t.Context() {
		t.Error("the context has changed")
	}
	o.Log().Error("lost")
	if n := o.InFlight(); n != 0 {
		t.Errorf("%d requests in flight", n)
	}
}

// TestStepOfBatch follows calls that share a statement. Each finds the statement by its own id.
func TestStepOfBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		o := newObserver(&log, slog.LevelDebug)
		back := make(chan struct{})
		b := batch.New(func(ctx context.Context, keys []string) []batch.Result[string] {
			_, end := o.Step(ctx, observe.Statement, "look up")
			<-back
			end(nil)
			return make([]batch.Result[string], len(keys))
		})
		var requests sync.WaitGroup
		for _, id := range []string{"alone", "one", "two"} {
			requests.Go(func() {
				_, _ = b.Do(request.With(t.Context(), &request.Exchange{Info: request.Info{ID: id}}), id)
			})
			synctest.Wait() // The first one has a statement of its own, and the others wait for it.
		}
		back <- struct{}{}
		back <- struct{}{}
		requests.Wait()
		const want = `level=DEBUG msg=step id=alone step=statement name="look up" duration_ms=1.5
level=DEBUG msg=step id=one step=statement name="look up" duration_ms=1.5 calls=2
level=DEBUG msg=step id=two step=statement name="look up" duration_ms=1.5 calls=2
`
		if got := log.String(); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	})
}

// TestStepAllocatesNothing checks the levels that servers use in production: without traces, and within a trace that is
// not sampled.
func TestStepAllocatesNothing(t *testing.T) {
	notSampled, _ := traced(t, sdk.NeverSample(), true)
	inTrace, _ := notSampled.Step(t.Context(), observe.Request, "")
	header := map[string][]string{"Traceparent": {reference}}
	for name, tt := range map[string]struct {
		ctx context.Context
		o   *observe.Observer
	}{
		"no traces":   {t.Context(), newObserver(io.Discard, slog.LevelInfo)},
		"not sampled": {inTrace, notSampled},
	} {
		ctx := request.With(tt.ctx, &request.Exchange{Info: request.Info{ID: "abc"}})
		if n := testing.AllocsPerRun(100, func() {
			step(ctx, tt.o)
			observe.Answered(ctx, &observe.Response{ID: "abc", Method: "POST", Route: "/graphql", Status: 200})
			observe.Executes(ctx, "query", "Me")
			observe.Decided(ctx, "rule", "ALLOW")
			observe.Mailed(ctx, "kind", "SENT", 1)
			observe.Link(ctx, observe.Reference(ctx))
			observe.Inject(ctx, header)
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	off := newObserver(io.Discard, slog.LevelInfo)
	if n := testing.AllocsPerRun(100, func() { off.Continue(t.Context(), header) }); n != 0 {
		t.Errorf("%v allocations to read headers without traces", n)
	}
}

func TestInFlight(t *testing.T) {
	t.Parallel()
	o := observe.New(observe.Options{})
	var requests sync.WaitGroup
	for range 100 {
		o.BeginRequest()
		requests.Go(o.EndRequest)
	}
	o.BeginRequest()
	requests.Wait()
	if n := o.InFlight(); n != 1 {
		t.Errorf("%d in flight, want 1", n)
	}
}

func BenchmarkStep(b *testing.B) {
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelDebug} {
		b.Run(level.String(), func(b *testing.B) {
			o := newObserver(io.Discard, level)
			ctx := request.With(b.Context(), &request.Exchange{Info: request.Info{ID: "abc"}})
			b.ReportAllocs()
			for b.Loop() {
				step(ctx, o)
			}
		})
	}
}

func step(ctx context.Context, o *observe.Observer) {
	_, end := o.Step(ctx, observe.Statement, "find user")
	defer end(nil)
}
