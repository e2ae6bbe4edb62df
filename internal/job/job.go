// Package job owns work that runs beside requests, for as long as the server does.
package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Every calls f now and then again and again, an interval after it has returned, until ctx ends. An
// error or a panic is logged, and does not keep f from its next turn.
func Every(ctx context.Context, interval time.Duration, log *slog.Logger, name string, f func(context.Context) error) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
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
