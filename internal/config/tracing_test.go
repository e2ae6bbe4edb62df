package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// standard returns the typed settings that follow from the defaults and a change.
func standard(change func(*Traces)) Traces {
	t := Traces{
		Endpoint: "http://localhost:4318/v1/traces", Headers: map[string]string{}, Timeout: 10 * time.Second, Attributes: map[string]string{},
		Sampler: "parentbased_always_on", Ratio: 1, Propagate: true,
		Delay: 5 * time.Second, ExportTimeout: 30 * time.Second, Queue: 2048, Batch: 512,
	}
	change(&t)
	return t
}

// TestTraces reads the standard variables, from the environment and from .env.
func TestTraces(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		variables string
		off       bool
		want      func(*Traces)
		err       string
	}{
		"nothing":           {variables: "", off: true},
		"exporter":          {variables: "OTEL_TRACES_EXPORTER=otlp", want: func(*Traces) {}},
		"no exporter":       {variables: "OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://a", off: true},
		"disabled":          {variables: "OTEL_SDK_DISABLED=True OTEL_EXPORTER_OTLP_ENDPOINT=http://a", off: true},
		"not disabled":      {variables: "OTEL_SDK_DISABLED=yes OTEL_TRACES_EXPORTER=otlp", want: func(*Traces) {}},
		"invalid, but off":  {variables: "OTEL_TRACES_SAMPLER=nothing OTEL_EXPORTER_OTLP_PROTOCOL=grpc", off: true},
		"endpoint":          {variables: "OTEL_EXPORTER_OTLP_ENDPOINT=https://a:4318", want: func(t *Traces) { t.Endpoint = "https://a:4318/v1/traces" }},
		"endpoint, path":    {variables: "OTEL_EXPORTER_OTLP_ENDPOINT=https://a/b/", want: func(t *Traces) { t.Endpoint = "https://a/b/v1/traces" }},
		"traces endpoint":   {variables: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://a/b OTEL_EXPORTER_OTLP_ENDPOINT=c", want: func(t *Traces) { t.Endpoint = "https://a/b" }},
		"headers":           {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_HEADERS=a=b%20c,d=e%3Df=g,", want: func(t *Traces) { t.Headers = map[string]string{"a": "b c", "d": "e=f=g"} }},
		"traces headers":    {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_HEADERS=a=b OTEL_EXPORTER_OTLP_TRACES_HEADERS=c=d", want: func(t *Traces) { t.Headers = map[string]string{"c": "d"} }},
		"service":           {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_SERVICE_NAME=auth OTEL_RESOURCE_ATTRIBUTES=service.name=x,a=b", want: func(t *Traces) { t.Attributes = map[string]string{"service.name": "auth", "a": "b"} }},
		"sampler":           {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_SAMPLER=parentbased_traceidratio OTEL_TRACES_SAMPLER_ARG=0.01", want: func(t *Traces) { t.Sampler, t.Ratio = "parentbased_traceidratio", 0.01 }},
		"propagators":       {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_PROPAGATORS=baggage,tracecontext", want: func(*Traces) {}},
		"no propagator":     {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_PROPAGATORS=none", want: func(t *Traces) { t.Propagate = false }},
		"compression":       {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_COMPRESSION=gzip", want: func(t *Traces) { t.Gzip = true }},
		"limits":            {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_TIMEOUT=1 OTEL_BSP_SCHEDULE_DELAY=2 OTEL_BSP_EXPORT_TIMEOUT=3 OTEL_BSP_MAX_QUEUE_SIZE=5 OTEL_BSP_MAX_EXPORT_BATCH_SIZE=4", want: func(t *Traces) { t.Timeout, t.Delay, t.ExportTimeout, t.Queue, t.Batch = 1e6, 2e6, 3e6, 5, 4 }},
		"files":             {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_CERTIFICATE=a OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=b OTEL_EXPORTER_OTLP_CLIENT_KEY=c", want: func(t *Traces) { t.Certificate, t.ClientCertificate, t.ClientKey = "a", "b", "c" }},
		"other exporter":    {variables: "OTEL_TRACES_EXPORTER=zipkin", err: `OTEL_TRACES_EXPORTER: must be otlp, not "zipkin"`},
		"gRPC":              {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_PROTOCOL=grpc", err: `OTEL_EXPORTER_OTLP_PROTOCOL: must be http/protobuf, not "grpc"`},
		"no scheme":         {variables: "OTEL_EXPORTER_OTLP_ENDPOINT=c4n4ry:4318", err: "OTEL_EXPORTER_OTLP_ENDPOINT: must be a URL"},
		"user":              {variables: "OTEL_EXPORTER_OTLP_ENDPOINT=https://u:c4n4ry@a", err: "credentials belong in OTEL_EXPORTER_OTLP_HEADERS"},
		"query":             {variables: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://a/b?c4n4ry", err: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: must be a URL"},
		"header, no value":  {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_HEADERS=c4n4ry", err: "OTEL_EXPORTER_OTLP_HEADERS: must be NAME=VALUE"},
		"header, bad name":  {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_HEADERS=a:=c4n4ry", err: "OTEL_EXPORTER_OTLP_HEADERS: must be NAME=VALUE"},
		"header, two lines": {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_HEADERS=a=c4n4ry%0d%0ab:c", err: "OTEL_EXPORTER_OTLP_HEADERS: must be NAME=VALUE"},
		"other sampler":     {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_SAMPLER=xray", err: "OTEL_TRACES_SAMPLER: must be always_off, always_on, parentbased_"},
		"ratio":             {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_SAMPLER_ARG=1.1", err: "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"},
		"no ratio":          {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_TRACES_SAMPLER_ARG=NaN", err: "OTEL_TRACES_SAMPLER_ARG: must be a number from 0 to 1"},
		"unit":              {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_BSP_SCHEDULE_DELAY=5s", err: "OTEL_BSP_SCHEDULE_DELAY: must be a whole number from 1"},
		"large batch":       {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_BSP_MAX_QUEUE_SIZE=100", err: "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: must be at most OTEL_BSP_MAX_QUEUE_SIZE, 100"},
		"half a key":        {variables: "OTEL_TRACES_EXPORTER=otlp OTEL_EXPORTER_OTLP_CLIENT_KEY=a", err: "both are required"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment := map[string]string{}
			for variable := range strings.FieldsSeq(tt.variables) {
				name, value, _ := strings.Cut(variable, "=")
				environment[name] = value
			}
			for source, read := range map[string]func() (*commands, error){
				"environment": func() (*commands, error) { return parse(t, []string{"serve", "--dev"}, environment, "") },
				".env": func() (*commands, error) {
					return parse(t, []string{"serve", "--dev"}, nil, strings.ReplaceAll(tt.variables, " ", "\n"))
				},
			} {
				c, err := read()
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), "c4n4ry") {
						t.Errorf("%s: error %v, want %s", source, err, tt.err)
					}
					continue
				}
				if err != nil || c.Serve.TracesEnabled() == tt.off {
					t.Fatalf("%s: enabled: %t, error %v", source, c.Serve.TracesEnabled(), err)
				}
				if tt.off {
					continue
				}
				got, err := c.Serve.Traces()
				if diff := cmp.Diff(standard(tt.want), got); err != nil || diff != "" {
					t.Errorf("%s: error %v, (-want +got):\n%s", source, err, diff)
				}
			}
		})
	}
}

func TestTracingWarnings(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tracing Tracing
		want    string
	}{
		"none":              {Tracing{OTELEndpoint: "https://a", OTELHeaders: NewSecret("a=b"), OTELPropagators: "tracecontext,baggage"}, ""},
		"off":               {Tracing{OTELPropagators: "b3"}, ""},
		"loopback":          {Tracing{OTELEndpoint: "http://localhost", OTELHeaders: NewSecret("a=b")}, ""},
		"no headers":        {Tracing{OTELEndpoint: "http://a"}, ""},
		"headers, plain":    {Tracing{OTELEndpoint: "http://a", OTELHeaders: NewSecret("a=b")}, "the headers for the collector are sent unencrypted"},
		"other propagators": {Tracing{OTELEndpoint: "http://a", OTELPropagators: "tracecontext,b3"}, `"b3" is ignored`},
	} {
		got := strings.Join(tt.tracing.Warnings(), "\n")
		if tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
