package observe

import (
	"context"
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"usher/internal/batch"
)

// Spans have no personal data and no secret: no id or name of a user, no address, no token, no value of an operation and
// no text of an error. So the functions below take only what has a fixed set of values.

// tracing makes the spans of steps. Its zero value makes none.
type tracing struct {
	tracer    trace.Tracer
	propagate bool
	database  trace.SpanStartEventOption
}

// Options that are the same for all spans of a kind.
var (
	asServer = trace.WithSpanKind(trace.SpanKindServer)
	asWorker = trace.WithSpanKind(trace.SpanKindConsumer)
	asClient = trace.WithSpanKind(trace.SpanKindClient)
)

// start starts the span of a step. It returns nil if there is nothing to record. Requests and mails begin a trace. Other
// steps have a span only in a trace that is sampled, so the polls of the jobs make no traces.
func (t *tracing) start(ctx context.Context, kind StepKind, name string) (context.Context, trace.Span) {
	if t.tracer == nil {
		return ctx, nil
	}
	switch kind {
	case Request:
		return recording(t.tracer.Start(ctx, "HTTP", asServer))
	case Mail:
		return recording(t.tracer.Start(ctx, "mail", asWorker))
	}
	if trace.SpanFromContext(ctx).IsRecording() {
		return t.startChild(ctx, kind, name)
	}
	// The statement of a batch is part of the first call whose trace is sampled. The spans of the others link to it.
	var span trace.Span
	for _, call := range batch.Members(ctx) {
		member := trace.SpanFromContext(call)
		switch {
		case !member.IsRecording():
		case span == nil:
			ctx, span = t.startChild(trace.ContextWithSpan(ctx, member), kind, name)
		default:
			member.AddLink(trace.Link{SpanContext: span.SpanContext()})
		}
	}
	return ctx, span
}

func (t *tracing) startChild(ctx context.Context, kind StepKind, name string) (context.Context, trace.Span) {
	switch kind {
	case Statement:
		return t.tracer.Start(ctx, name, asClient, t.database)
	case Outgoing:
		return t.tracer.Start(ctx, name, asClient)
	}
	return t.tracer.Start(ctx, strings.TrimSuffix(string(kind)+" "+name, " "))
}

// recording is the result of Tracer.Start, with nil for a span that is not sampled.
func recording(ctx context.Context, span trace.Span) (context.Context, trace.Span) {
	if !span.IsRecording() {
		return ctx, nil
	}
	return ctx, span
}

// finish ends a span with the error of its step.
func finish(span trace.Span, err error) {
	if err != nil {
		class, fault := classOf(err)
		span.SetAttributes(semconv.ErrorTypeKey.String(class))
		if fault {
			span.SetStatus(codes.Error, "") // The description would be the text of the error.
		}
	}
	span.End()
}

// Classified is an error that says what spans may know of it.
type Classified interface {
	error
	// Class returns one of a fixed set of names, and whether the error is a fault. Refusing a client is none.
	Class() (name string, fault bool)
}

// classOf returns the class of an error. The codes of PostgreSQL are a fixed set (SQLSTATE), their messages are not.
func classOf(err error) (name string, fault bool) {
	if e, ok := errors.AsType[Classified](err); ok {
		return e.Class()
	}
	if e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		return e.SQLState(), true
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "canceled", false
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout", true
	}
	return "_OTHER", true // the name of the semantic conventions
}

// recorded returns the span of ctx, or nil if it is not recorded.
func recorded(ctx context.Context) trace.Span {
	if span := trace.SpanFromContext(ctx); span.IsRecording() {
		return span
	}
	return nil
}

// Traced reports whether the step of ctx has a span.
func Traced(ctx context.Context) bool { return recorded(ctx) != nil }

// Continue returns a context whose trace is that of a request's headers traceparent and tracestate (W3C Trace Context).
// The caller must trust the sender: it decides whether the request is sampled, and what its trace is called. Baggage is
// ignored.
func (o *Observer) Continue(ctx context.Context, header map[string][]string) context.Context {
	if !o.tracing.propagate || o.tracing.tracer == nil || len(header["Traceparent"]) != 1 {
		return ctx
	}
	return extract(ctx, header["Traceparent"][0], strings.Join(header["Tracestate"], ","))
}

func extract(ctx context.Context, parent, state string) context.Context {
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": parent, "tracestate": state})
}

// Inject adds the header traceparent to a request to another server, if the trace of ctx is sampled. The ids of a trace
// tell which requests belong together, so the other server must be the operator's own.
func Inject(ctx context.Context, header map[string][]string) {
	if Traced(ctx) {
		propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	}
}

// Reference returns the trace and the span of ctx as text, for Link in another trace. It is empty without a span.
func Reference(ctx context.Context) string {
	if !Traced(ctx) {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier["traceparent"]
}

// Link links the span of ctx to that of a Reference. It does nothing for an empty one.
func Link(ctx context.Context, reference string) {
	span := recorded(ctx)
	if span == nil || reference == "" {
		return
	}
	outside := trace.ContextWithSpanContext(ctx, trace.SpanContext{})
	if to := trace.SpanContextFromContext(extract(outside, reference, "")); to.IsValid() {
		span.AddLink(trace.Link{SpanContext: to})
	}
}

// Within returns ctx with the span of another context.
func Within(ctx, other context.Context) context.Context {
	if span := trace.SpanFromContext(other); span.SpanContext().IsValid() {
		return trace.ContextWithSpan(ctx, span)
	}
	return ctx
}

// Response is what the span of a request says about it.
type Response struct {
	// ID is the id of the request in the log.
	ID string
	// Method may be any text. Only those of HTTP get into the span.
	Method string
	// Route is the pattern of the route; empty for none.
	Route  string
	Status int
}

// Answered describes the request of ctx.
func Answered(ctx context.Context, r *Response) {
	span := recorded(ctx)
	if span == nil {
		return
	}
	method, name := r.Method, r.Method
	if !isMethod(method) {
		method, name = "_OTHER", "HTTP" // as the semantic conventions for HTTP have it
	}
	attributes := []attribute.KeyValue{
		attribute.String("usher.request.id", r.ID), semconv.HTTPRequestMethodKey.String(method), semconv.HTTPResponseStatusCode(r.Status),
	}
	if r.Route != "" {
		name += " " + r.Route
		attributes = append(attributes, semconv.HTTPRoute(r.Route))
	}
	span.SetName(name)
	span.SetAttributes(attributes...)
}

func isMethod(s string) bool {
	switch s {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE":
		return true
	}
	return false
}

// Executes describes the GraphQL operation of ctx: query or mutation, and its name. Clients choose names, so the name must be
// empty unless it is that of a trusted document.
func Executes(ctx context.Context, operation, name string) {
	span := recorded(ctx)
	if span == nil {
		return
	}
	span.SetName(strings.TrimSuffix(operation+" "+name, " "))
	span.SetAttributes(semconv.GraphQLOperationTypeKey.String(operation))
	if name != "" {
		span.SetAttributes(semconv.GraphQLOperationName(name))
	}
}

// Decided describes the decision of a guard: its rule as the schema writes it, and ALLOW or the code of the refusal.
func Decided(ctx context.Context, rule, outcome string) {
	if span := recorded(ctx); span != nil {
		span.SetAttributes(attribute.String("usher.rule", rule), attribute.String("usher.decision", outcome))
	}
}

// Refused adds a refusal to the span of ctx, by a rule that was decided before.
func Refused(ctx context.Context, rule, outcome string) {
	if span := recorded(ctx); span != nil {
		span.AddEvent("refused", trace.WithAttributes(attribute.String("usher.rule", rule), attribute.String("usher.decision", outcome)))
	}
}

// Mailed describes the attempt to send a mail.
func Mailed(ctx context.Context, kind, state string, attempt int) {
	if span := recorded(ctx); span != nil {
		span.SetAttributes(attribute.String("usher.mail.kind", kind), attribute.String("usher.mail.state", state),
			attribute.Int("usher.mail.attempt", attempt))
	}
}
