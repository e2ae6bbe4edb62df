package observe

import (
	"context"
	"log/slog"
	"time"

	"usher/internal/batch"
	"usher/internal/request"
)

// StepKind is a kind of step.
type StepKind string

// The kinds of steps. A step contains the ones below it.
const (
	// Request is an HTTP request.
	Request StepKind = "request"
	// Health is an HTTP request that asks for the health of the server. It is in no trace.
	Health StepKind = "health"
	// Operation is a GraphQL operation.
	Operation StepKind = "operation"
	// Mail is an attempt to send a mail. It begins a trace, as a request does.
	Mail StepKind = "mail"
	// Guard is the decision of a rule of the schema.
	Guard StepKind = "guard"
	// HashWait is the wait for a hashing slot.
	HashWait StepKind = "hash wait"
	// Hash is the computation of a password hash.
	Hash StepKind = "hash"
	// Batch is a call that may share a statement with others: its wait and the statement.
	Batch StepKind = "batch"
	// Statement is one round trip to the database.
	Statement StepKind = "statement"
	// Outgoing is a request to a server that is not the database.
	Outgoing StepKind = "outgoing"
)

// Step begins a step of a request. Run the step with the returned context, and then call end with its error or
// nil. The name distinguishes steps of one kind and may be empty. It must be one of a fixed set of names,
// never text from outside.
//
// At log level debug each step writes a line with its duration and the request's id. A statement for a batch
// writes a line for each call of the batch. With traces each step of a sampled trace is a span. Metrics count statements
// and hashes at every level. Without all of them, Step allocates nothing.
func (o *Observer) Step(ctx context.Context, kind StepKind, name string) (_ context.Context, end func(error)) {
	if o == nil {
		return ctx, unobserved
	}
	logged, measured := o.log.Enabled(ctx, slog.LevelDebug), o.metrics.step(kind, name)
	ctx, span := o.tracing.start(ctx, kind, name)
	if !logged && measured == nil {
		if span == nil {
			return ctx, unobserved
		}
		return ctx, func(err error) { finish(span, err) }
	}
	start := o.now()
	return ctx, func(err error) {
		if span != nil {
			finish(span, err)
		}
		took := o.now().Sub(start)
		calls := batch.Members(ctx)
		if measured != nil {
			measured.observe(took, len(calls), err)
		}
		if !logged {
			return
		}
		if len(calls) == 0 {
			o.write(ctx, kind, name, took, 1, err)
		}
		for _, call := range calls {
			o.write(call, kind, name, took, len(calls), err) //nolint:contextcheck // Each call has the context of its request.
		}
	}
}

// write writes the line of a step for the call with the context ctx. calls is the number of calls that shared it.
func (o *Observer) write(ctx context.Context, kind StepKind, name string, took time.Duration, calls int, err error) {
	attrs := []slog.Attr{slog.String("id", request.From(ctx).ID), slog.String("step", string(kind))}
	if name != "" {
		attrs = append(attrs, slog.String("name", name))
	}
	attrs = append(attrs, slog.Float64("duration_ms", float64(took.Microseconds())/1000))
	if calls > 1 {
		attrs = append(attrs, slog.Int("calls", calls))
	}
	if err != nil {
		attrs = append(attrs, slog.String("err", err.Error()))
	}
	o.log.LogAttrs(ctx, slog.LevelDebug, "step", attrs...)
}

func unobserved(error) {}
