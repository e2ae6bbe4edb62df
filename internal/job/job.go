// Package job owns background jobs, which run for as long as the server does.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Every calls f at once, and again an interval after each call has returned, until ctx ends. It logs errors
// and panics of f and continues.
func Every(ctx context.Context, interval time.Duration, log *slog.Logger, name string, f func(context.Context) error) {
	EveryOrWhen(ctx, interval, nil, log, name, f)
}

// EveryOrWhen is Every that also calls f when it receives from wake.
func EveryOrWhen(
	ctx context.Context, interval time.Duration, wake <-chan struct{}, log *slog.Logger, name string, f func(context.Context) error,
) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-wake:
		}
		if err := once(ctx, f); err != nil && ctx.Err() == nil {
			log.ErrorContext(ctx, "job failed", "job", name, "err", err)
		}
		timer.Reset(interval)
	}
}

func once(ctx context.Context, f func(context.Context) error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v\n%s", cause, debug.Stack())
		}
	}()
	return f(ctx)
}
