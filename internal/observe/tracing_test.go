package observe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"usher/internal/observe"
)

const (
	reference = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	traceID   = "4bf92f3577b34da6a3ce929d0e0e4736"
)

// traced returns an Observer with traces, and what it records.
func traced(t testing.TB, sampler sdk.Sampler, propagate bool) (*observe.Observer, *tracetest.SpanRecorder) {
	t.Helper()
	recorder := tracetest.NewSpanRecorder()
	provider := sdk.NewTracerProvider(sdk.WithSampler(sampler), sdk.WithSpanProcessor(recorder))
	t.Cleanup(func() { _ = provider.Shutdown(context.Background()) })
	return observe.New(observe.Options{
		Log: slog.New(slog.DiscardHandler), Tracer: provider.Tracer("test"), Propagate: propagate, Database: "sqlite",
	}), recorder
}

// classified is an error with a class.
type classified struct {
	class string
	fault bool
}

func (c classified) Error() string         { return "c4n4ry" }
func (c classified) Class() (string, bool) { return c.class, c.fault }

// sqlError is an error as PostgreSQL reports it.
type sqlError struct{}

func (sqlError) Error() string    { return "c4n4ry" }
func (sqlError) SQLState() string { return "23505" }

// TestErrorsOfSpans checks what spans say of errors: their classes, and never their texts.
func TestErrorsOfSpans(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err   error
		class string
		fault bool
	}{
		"none":     {nil, "", false},
		"other":    {errors.New("c4n4ry"), "_OTHER", true},
		"refusal":  {fmt.Errorf("c4n4ry: %w", classified{"FORBIDDEN", false}), "FORBIDDEN", false},
		"fault":    {classified{"500", true}, "500", true},
		"SQL":      {fmt.Errorf("c4n4ry: %w", sqlError{}), "23505", true},
		"canceled": {fmt.Errorf("c4n4ry: %w", context.Canceled), "canceled", false},
		"timeout":  {context.DeadlineExceeded, "timeout", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, recorder := traced(t, sdk.AlwaysSample(), false)
			_, end := o.Step(t.Context(), observe.Request, "")
			end(tt.err)
			span := recorder.Ended()[0]
			class := ""
			for _, a := range span.Attributes() {
				if a.Key == "error.type" {
					class = a.Value.AsString()
				}
			}
			want := codes.Unset
			if tt.fault {
				want = codes.Error
			}
			if class != tt.class || span.Status().Code != want || span.Status().Description != "" || len(span.Events()) != 0 {
				t.Errorf("class %q, status %v, events %v", class, span.Status(), span.Events())
			}
		})
	}
}

// TestSpansOfKinds starts steps of each kind in a trace and outside of one.
func TestSpansOfKinds(t *testing.T) {
	t.Parallel()
	for kind, want := range map[observe.StepKind]struct{ inside, outside string }{
		observe.Request:   {"HTTP server", "HTTP server"},
		observe.Mail:      {"mail consumer", "mail consumer"},
		observe.Health:    {"health name internal", ""},
		observe.Operation: {"operation name internal", ""},
		observe.Guard:     {"guard name internal", ""},
		observe.HashWait:  {"hash wait name internal", ""},
		observe.Hash:      {"hash name internal", ""},
		observe.Batch:     {"batch name internal", ""},
		observe.Statement: {"name client", ""},
		observe.Outgoing:  {"name client", ""},
	} {
		o, recorder := traced(t, sdk.AlwaysSample(), false)
		run := func(ctx context.Context) string {
			recorder.Reset()
			_, end := o.Step(ctx, kind, "name")
			end(nil)
			got := ""
			for _, s := range recorder.Ended() {
				got += s.Name() + " " + s.SpanKind().String()
			}
			return got
		}
		inside, _ := o.Step(t.Context(), observe.Request, "")
		if got := run(inside); got != want.inside {
			t.Errorf("%s: %q in a trace, want %q", kind, got, want.inside)
		}
		if got := run(t.Context()); got != want.outside {
			t.Errorf("%s: %q outside of a trace, want %q", kind, got, want.outside)
		}
	}
}

// TestNotSampled runs steps in a trace that is not sampled. They have no spans, and what describes them does nothing.
func TestNotSampled(t *testing.T) {
	t.Parallel()
	o, recorder := traced(t, sdk.NeverSample(), true)
	ctx, end := o.Step(o.Continue(t.Context(), map[string][]string{"Traceparent": {reference}}), observe.Request, "")
	inner, endInner := o.Step(ctx, observe.Operation, "")
	observe.Executes(inner, "query", "Me")
	observe.Decided(inner, "rule", "ALLOW")
	observe.Refused(inner, "rule", "FORBIDDEN")
	observe.Mailed(inner, "kind", "SENT", 1)
	observe.Link(inner, reference)
	observe.Answered(ctx, &observe.Response{})
	header := map[string][]string{}
	observe.Inject(inner, header)
	if observe.Traced(inner) || observe.Reference(inner) != "" || len(header) > 0 || inner != ctx {
		t.Error("the step is traced")
	}
	endInner(nil)
	end(nil)
	if n := len(recorder.Started()); n > 0 {
		t.Errorf("%d spans", n)
	}
}

func TestContinue(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		propagate bool
		header    map[string][]string
		want      bool
		state     string
	}{
		"continued":     {true, map[string][]string{"Traceparent": {reference}, "Tracestate": {"a=1", "b=2"}}, true, "a=1,b=2"},
		"bad state":     {true, map[string][]string{"Traceparent": {reference}, "Tracestate": {"?"}}, true, ""},
		"none":          {true, nil, false, ""},
		"twice":         {true, map[string][]string{"Traceparent": {reference, reference}}, false, ""},
		"invalid":       {true, map[string][]string{"Traceparent": {strings.ToUpper(reference)}}, false, ""},
		"zero":          {true, map[string][]string{"Traceparent": {"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01"}}, false, ""},
		"not propagate": {false, map[string][]string{"Traceparent": {reference}}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, recorder := traced(t, sdk.AlwaysSample(), tt.propagate)
			_, end := o.Step(o.Continue(t.Context(), tt.header), observe.Request, "")
			end(nil)
			span := recorder.Ended()[0]
			if got := span.SpanContext().TraceID().String() == traceID; got != tt.want || span.SpanContext().TraceState().String() != tt.state {
				t.Errorf("continues: %t, state %q", got, span.SpanContext().TraceState())
			}
		})
	}
}

// FuzzContinue reads headers. It never panics, and a trace that is continued has the id of the header.
func FuzzContinue(f *testing.F) {
	f.Add(reference, "a=1")
	f.Add("01"+reference[2:]+"-more", "a=1,,b@c=2")
	f.Add("ff"+reference[2:], "")
	o, recorder := traced(f, sdk.AlwaysSample(), true)
	f.Fuzz(func(t *testing.T, parent, state string) {
		recorder.Reset()
		ctx := o.Continue(t.Context(), map[string][]string{"Traceparent": {parent}, "Tracestate": {state}})
		_, end := o.Step(ctx, observe.Request, "")
		end(nil)
		span := recorder.Ended()[0]
		if span.Parent().IsValid() && !strings.Contains(parent, "-"+span.SpanContext().TraceID().String()+"-"+span.Parent().SpanID().String()) {
			t.Errorf("%q becomes %s", parent, span.SpanContext().TraceID())
		}
	})
}

// TestReference links a span to one of another trace.
func TestReference(t *testing.T) {
	t.Parallel()
	o, recorder := traced(t, sdk.AlwaysSample(), false)
	ctx, _ := o.Step(t.Context(), observe.Request, "")
	reference := observe.Reference(ctx)
	mail, end := o.Step(t.Context(), observe.Mail, "")
	for _, r := range []string{reference, "", "invalid"} {
		observe.Link(mail, r)
	}
	within := observe.Within(t.Context(), mail)
	if observe.Reference(within) != observe.Reference(mail) || observe.Within(t.Context(), t.Context()) != t.Context() {
		t.Error("Within has lost the span")
	}
	end(nil)
	links := recorder.Ended()[0].Links()
	if len(links) != 1 || !strings.Contains(reference, links[0].SpanContext.TraceID().String()+"-"+links[0].SpanContext.SpanID().String()) {
		t.Errorf("the links are %v, want one to %s", links, reference)
	}
	header := map[string][]string{}
	observe.Inject(ctx, header)
	if got := slices.Sorted(maps.Keys(header)); !slices.Equal(got, []string{"Traceparent"}) || header["Traceparent"][0] != reference {
		t.Errorf("the headers are %v", header)
	}
}

// TestMethods checks that only the methods of HTTP get into spans.
func TestMethods(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{"GET": "GET /a", "get": "HTTP /a", "C4N4RY": "HTTP /a", "": "HTTP /a"} {
		o, recorder := traced(t, sdk.AlwaysSample(), false)
		ctx, end := o.Step(t.Context(), observe.Request, "")
		observe.Answered(ctx, &observe.Response{Method: method, Route: "/a", Status: 200})
		end(nil)
		if got := recorder.Ended()[0].Name(); got != want {
			t.Errorf("%s: %s, want %s", method, got, want)
		}
	}
}

// TestRefused adds the refusals of a rule that admits one object and not another.
func TestRefused(t *testing.T) {
	t.Parallel()
	o, recorder := traced(t, sdk.AlwaysSample(), false)
	ctx, end := o.Step(t.Context(), observe.Request, "")
	observe.Refused(ctx, "@auth(requires: [], orOwner: true)", "FORBIDDEN")
	end(nil)
	events := recorder.Ended()[0].Events()
	if len(events) != 1 || events[0].Name != "refused" || fmt.Sprint(events[0].Attributes[1].Value.AsString()) != "FORBIDDEN" {
		t.Errorf("the events are %v", events)
	}
}
