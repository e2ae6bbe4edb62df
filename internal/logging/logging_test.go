package logging

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
)

func TestLogger(t *testing.T) {
	tests := []struct {
		options Options
		want    string
	}{
		{Options{Format: "text"}, `time=2026-01-31T12:00:00.000Z level=INFO msg=m g.a=1 g.b="x\ny"` + "\n"},
		{Options{Format: "json"}, `{"time":"2026-01-31T12:00:00Z","level":"INFO","msg":"m","g":{"a":1,"b":"x\ny"}}` + "\n"},
		{Options{Format: "auto"}, `{"time":"2026-01-31T12:00:00Z","level":"INFO","msg":"m","g":{"a":1,"b":"x\ny"}}` + "\n"},
		{Options{Format: "json", Level: slog.LevelWarn}, ""},
	}
	for _, tt := range tests {
		var out bytes.Buffer
		log := New(&out, tt.options)
		if log.Enabled(t.Context(), slog.LevelInfo) {
			record := slog.NewRecord(time.Date(2026, 1, 31, 14, 0, 0, 0, time.FixedZone("", 2*60*60)), slog.LevelInfo, "m", 0)
			record.AddAttrs(slog.String("b", "x\ny"))
			handler := log.Handler().WithGroup("g").WithAttrs([]slog.Attr{slog.Int("a", 1)})
			if err := handler.Handle(t.Context(), record); err != nil {
				t.Fatal(err)
			}
		}
		if out.String() != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.options, out.String(), tt.want)
		}
	}
}

func TestAutoFormatOfAFile(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/log")
	if err != nil {
		t.Fatal(err)
	}
	New(f, Options{Format: "auto"}).Info("m")
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(f.Name()); err != nil || !strings.HasPrefix(string(text), "{") {
		t.Errorf("not JSON: %s, %v", text, err)
	}
}

// TestTrace adds the ids of the trace of the context, if there is one.
func TestTrace(t *testing.T) {
	traceID, _ := trace.TraceIDFromHex("4bf92f3577b34da6a3ce929d0e0e4736")
	spanID, _ := trace.SpanIDFromHex("00f067aa0ba902b7")
	ctx := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID}))
	for _, format := range []string{"text", "json"} {
		var out bytes.Buffer
		log := New(&out, Options{Format: format})
		log.InfoContext(t.Context(), "m")
		if strings.Contains(out.String(), "trace") {
			t.Errorf("%s: without a trace: %s", format, &out)
		}
		log.InfoContext(ctx, "m")
		text := strings.NewReplacer(`"`, "", ":", "=", ",", " ").Replace(out.String())
		if !strings.HasSuffix(strings.TrimRight(text, "}\n"), "m trace_id=4bf92f3577b34da6a3ce929d0e0e4736 span_id=00f067aa0ba902b7") {
			t.Errorf("%s: %s", format, &out)
		}
	}
}
