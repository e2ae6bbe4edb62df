// Package otlp owns the export of traces: it samples spans and sends them to a collector by OTLP over HTTP.
//
// The collector may be slow, gone or wrong. Then spans are lost, and the server continues without them.
package otlp

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	otelsdk "go.opentelemetry.io/otel/sdk"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Settings say where spans go, and which. internal/config reads them from the standard variables OTEL_….
type Settings struct {
	// Endpoint is the URL to which spans are posted.
	Endpoint string
	// Headers are sent with each request. They may contain secrets.
	Headers map[string]string
	// Certificate is a file with the certificates that TLS trusts; empty for those of the system.
	Certificate string
	// ClientCertificate and ClientKey are files with what this server shows to the collector; empty for nothing.
	ClientCertificate, ClientKey string
	// Gzip compresses requests.
	Gzip bool
	// Timeout limits one request.
	Timeout time.Duration

	// Attributes describe this server in each export. Without service.name it is usher.
	Attributes map[string]string

	// Sampler is one of the names in the specification of OTEL_TRACES_SAMPLER, and Ratio its argument.
	Sampler string
	Ratio   float64
	// Propagate continues the traces of trusted proxies. Otherwise each request begins a new trace.
	Propagate bool

	// Delay is how long spans wait for others, and ExportTimeout limits the attempts to send a batch. Queue is how many
	// spans can wait, and Batch how many are sent at once.
	Delay, ExportTimeout time.Duration
	Queue, Batch         int
}

// Options are what else an Exporter needs.
type Options struct {
	// Version is the version of the program.
	Version string
	// Flush limits how long Close waits for the collector.
	Flush time.Duration
	Log   *slog.Logger
	// Now is the clock of the log. Nil means time.Now.
	Now func() time.Time
}

// Exporter sends spans to a collector. A nil Exporter sends none.
type Exporter struct {
	provider  *sdk.TracerProvider
	transport *http.Transport
	sender    *sender
	flush     time.Duration
	propagate bool
}

// New returns an Exporter, or an error if a file of the settings cannot be used. It does not connect.
func New(ctx context.Context, s Settings, o Options) (*Exporter, error) {
	secure, err := tlsConfig(&s)
	if err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	e := &Exporter{flush: cmp.Or(o.Flush, defaultFlush), propagate: s.Propagate}
	e.transport = &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: secure, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: s.Timeout,
	}
	attempts := &attempts{RoundTripper: e.transport}
	compression := otlptracehttp.NoCompression
	if s.Gzip {
		compression = otlptracehttp.GzipCompression
	}
	// Each option replaces what the library would read from the environment. The settings have read it, and the file
	// .env as well.
	exporter, err := otlptracehttp.New(ctx,
		otlptracehttp.WithEndpointURL(s.Endpoint),
		otlptracehttp.WithHeaders(s.Headers),
		otlptracehttp.WithEncoding(otlptracehttp.EncodingProtobuf),
		otlptracehttp.WithCompression(compression),
		otlptracehttp.WithTimeout(s.Timeout),
		otlptracehttp.WithTLSClientConfig(nil), // the client has it
		otlptracehttp.WithHTTPClient(&http.Client{
			Transport: attempts, Timeout: s.Timeout,
			// The headers go to the collector that was set, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}))
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	e.sender = newSender(exporter, attempts, o.Log, o.Now)
	e.provider = sdk.NewTracerProvider(
		sdk.WithSampler(sampler(s.Sampler, s.Ratio)),
		sdk.WithResource(describe(s.Attributes, o.Version)),
		sdk.WithBatcher(e.sender, sdk.WithBatchTimeout(s.Delay), sdk.WithExportTimeout(s.ExportTimeout),
			sdk.WithMaxQueueSize(s.Queue), sdk.WithMaxExportBatchSize(s.Batch)))
	return e, nil
}

// Tracer makes spans; nil if none are exported.
func (e *Exporter) Tracer() trace.Tracer {
	if e == nil {
		return nil
	}
	return e.provider.Tracer("usher", trace.WithSchemaURL(semconv.SchemaURL))
}

// Propagates reports whether requests continue the traces of trusted proxies.
func (e *Exporter) Propagates() bool { return e != nil && e.propagate }

// failingFlush limits the last export to a collector that has not accepted the one before.
const failingFlush = time.Second

// defaultFlush is the time that Close takes at most if the options have none.
const defaultFlush = 5 * time.Second

// Close sends the spans that wait and ends all connections. It gives up after the time in the options, and soon if the
// collector did not accept the last request either. It returns no error, because a server that has served all requests
// has not failed to stop. The spans that are lost are logged.
func (e *Exporter) Close() {
	if e == nil {
		return
	}
	limit := e.flush
	if e.sender.attempts.failure() != "" {
		limit = min(limit, failingFlush)
	}
	ctx, cancel := context.WithTimeout(e.sender.stopped, limit)
	defer cancel()
	_ = e.provider.Shutdown(ctx)
	e.sender.abort() // what is still being sent
	<-e.sender.ended
	e.sender.report(ctx)
	e.transport.CloseIdleConnections()
}

// sampler returns the sampler with a name. Parent-based samplers do what the parent says, which httpd accepts only from
// trusted proxies.
func sampler(name string, ratio float64) sdk.Sampler {
	switch name {
	case "always_on":
		return sdk.AlwaysSample()
	case "always_off":
		return sdk.NeverSample()
	case "traceidratio":
		return sdk.TraceIDRatioBased(ratio)
	case "parentbased_always_off":
		return sdk.ParentBased(sdk.NeverSample())
	case "parentbased_traceidratio":
		return sdk.ParentBased(sdk.TraceIDRatioBased(ratio))
	default:
		return sdk.ParentBased(sdk.AlwaysSample())
	}
}

// describe returns the resource of the server. It has nothing of the host and the process, whose command line may have
// a secret, except for what the operator sets.
func describe(attributes map[string]string, version string) *resource.Resource {
	all := []attribute.KeyValue{
		semconv.ServiceName("usher"), semconv.ServiceInstanceID(uuid.NewString()),
		semconv.TelemetrySDKName("opentelemetry"), semconv.TelemetrySDKLanguageGo, semconv.TelemetrySDKVersion(otelsdk.Version()),
	}
	if version != "" {
		all = append(all, semconv.ServiceVersion(version))
	}
	for name, value := range attributes { // of those with one key, the last counts
		all = append(all, attribute.String(name, value))
	}
	return resource.NewSchemaless(all...)
}

var errCertificate = errors.New("the file has no certificate in PEM")

func tlsConfig(s *Settings) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if s.Certificate != "" {
		pem, err := os.ReadFile(s.Certificate)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CERTIFICATE: %s: %w", s.Certificate, errCertificate)
		}
	}
	if s.ClientCertificate != "" {
		pair, err := tls.LoadX509KeyPair(s.ClientCertificate, s.ClientKey)
		if err != nil {
			return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and _KEY: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
