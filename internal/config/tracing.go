package config

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Tracing are the settings of traces. They are part of Server. Their variables are the standard ones of OpenTelemetry
// (OpenTelemetry Environment Variable Specification, OTLP Exporter Configuration). Other programs on the machine may need
// these variables too, so they are checked only if traces are on. docs/tracing.md documents them.
type Tracing struct {
	OTELDisabled       string `name:"otel-sdk-disabled" environ:"OTEL_SDK_DISABLED" hidden:"" example:"false" help:"true turns traces off."`
	OTELExporter       string `name:"otel-traces-exporter" environ:"OTEL_TRACES_EXPORTER" hidden:"" example:"otlp" help:"otlp turns traces on, none turns them off. Without this variable they are on if an endpoint is set."`
	OTELEndpoint       string `name:"otel-exporter-otlp-endpoint" environ:"OTEL_EXPORTER_OTLP_ENDPOINT" hidden:"" example:"http://localhost:4318" help:"URL of the collector. /v1/traces is appended to it. The default is http://localhost:4318."`
	OTELTracesEndpoint string `name:"otel-exporter-otlp-traces-endpoint" environ:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" hidden:"" example:"http://localhost:4318/v1/traces" help:"URL to which spans are posted, as it stands."`
	OTELProtocol       string `name:"otel-exporter-otlp-protocol" environ:"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,OTEL_EXPORTER_OTLP_PROTOCOL" hidden:"" example:"http/protobuf" help:"http/protobuf is the only protocol."`
	OTELHeaders        Secret `name:"otel-exporter-otlp-headers" environ:"OTEL_EXPORTER_OTLP_TRACES_HEADERS,OTEL_EXPORTER_OTLP_HEADERS" hidden:"" example:"api-key=SECRET" help:"Headers of each request to the collector: NAME=VALUE,... with percent-encoded values. They are never logged."`
	OTELCertificate    string `name:"otel-exporter-otlp-certificate" environ:"OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE,OTEL_EXPORTER_OTLP_CERTIFICATE" hidden:"" example:"" help:"File with the certificates in PEM that the certificate of the collector is checked against. The default is those of the system."`
	OTELClientCert     string `name:"otel-exporter-otlp-client-certificate" environ:"OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE,OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" hidden:"" example:"" help:"File with the certificate in PEM that Usher presents to the collector."`
	OTELClientKey      string `name:"otel-exporter-otlp-client-key" environ:"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY,OTEL_EXPORTER_OTLP_CLIENT_KEY" hidden:"" example:"" help:"File with the private key of that certificate."`
	OTELCompression    string `name:"otel-exporter-otlp-compression" environ:"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION,OTEL_EXPORTER_OTLP_COMPRESSION" hidden:"" example:"none" help:"gzip or none. The default is none."`
	OTELTimeout        string `name:"otel-exporter-otlp-timeout" environ:"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT,OTEL_EXPORTER_OTLP_TIMEOUT" hidden:"" example:"10000" help:"How long one request may take, in milliseconds. The default is 10000."`
	OTELService        string `name:"otel-service-name" environ:"OTEL_SERVICE_NAME" hidden:"" example:"usher" help:"Name of the service in traces. The default is usher."`
	OTELResource       string `name:"otel-resource-attributes" environ:"OTEL_RESOURCE_ATTRIBUTES" hidden:"" example:"deployment.environment.name=production" help:"Attributes of the service: NAME=VALUE,... with percent-encoded values."`
	OTELSampler        string `name:"otel-traces-sampler" environ:"OTEL_TRACES_SAMPLER" hidden:"" example:"parentbased_always_on" help:"Which traces are recorded: always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio. The default is parentbased_always_on."`
	OTELSamplerArg     string `name:"otel-traces-sampler-arg" environ:"OTEL_TRACES_SAMPLER_ARG" hidden:"" example:"1" help:"Share of the traces that a sampler with traceidratio records, from 0 to 1. The default is 1."`
	OTELPropagators    string `name:"otel-propagators" environ:"OTEL_PROPAGATORS" hidden:"" example:"tracecontext" help:"With tracecontext, requests from trusted proxies continue the trace of their traceparent header. With none, each request begins a trace. baggage is ignored, and there are no others. The default is tracecontext."`
	OTELDelay          string `name:"otel-bsp-schedule-delay" environ:"OTEL_BSP_SCHEDULE_DELAY" hidden:"" example:"5000" help:"How long spans wait before they are sent, in milliseconds. The default is 5000."`
	OTELExportTimeout  string `name:"otel-bsp-export-timeout" environ:"OTEL_BSP_EXPORT_TIMEOUT" hidden:"" example:"30000" help:"How long Usher tries to send the same spans, in milliseconds. The default is 30000."`
	OTELQueue          string `name:"otel-bsp-max-queue-size" environ:"OTEL_BSP_MAX_QUEUE_SIZE" hidden:"" example:"2048" help:"How many spans can wait. Further ones are dropped. The default is 2048."`
	OTELBatch          string `name:"otel-bsp-max-export-batch-size" environ:"OTEL_BSP_MAX_EXPORT_BATCH_SIZE" hidden:"" example:"512" help:"How many spans are sent at once. The default is 512."`
}

// Traces are the settings of traces with their types. docs/tracing.md has the meanings.
type Traces struct {
	Endpoint                     string
	Headers                      map[string]string
	Certificate                  string
	ClientCertificate, ClientKey string
	Gzip                         bool
	Timeout                      time.Duration

	Attributes map[string]string

	Sampler   string
	Ratio     float64
	Propagate bool

	Delay, ExportTimeout time.Duration
	Queue, Batch         int
}

// TracesEnabled reports whether spans are exported.
func (t *Tracing) TracesEnabled() bool {
	if strings.EqualFold(t.OTELDisabled, "true") || t.OTELExporter == "none" {
		return false
	}
	return t.OTELExporter != "" || t.OTELEndpoint != "" || t.OTELTracesEndpoint != ""
}

// Validate reports every invalid setting if spans are exported.
func (t *Tracing) Validate() error {
	if !t.TracesEnabled() {
		return nil
	}
	_, err := t.Traces()
	return err
}

// Warnings returns a warning for each setting that is valid but unsafe.
func (t *Tracing) Warnings() []string {
	if !t.TracesEnabled() {
		return nil
	}
	var warnings []string
	traces, err := t.Traces()
	if u, _ := url.Parse(traces.Endpoint); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) && !t.OTELHeaders.IsZero() {
		warnings = append(warnings, "OTEL_EXPORTER_OTLP_ENDPOINT does not use https: the headers for the collector are sent unencrypted")
	}
	for _, name := range listOf(t.OTELPropagators) {
		if !slices.Contains([]string{"tracecontext", "baggage", "none"}, name) {
			warnings = append(warnings, "OTEL_PROPAGATORS: only tracecontext is supported; "+strconv.Quote(name)+" is ignored")
		}
	}
	return warnings
}

// samplers are the samplers of the specification that need no other server.
var samplers = []string{
	"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio",
}

// Traces returns the settings with their types, or an error that names every invalid one.
func (t *Tracing) Traces() (Traces, error) {
	r := variableReader{}
	traces := Traces{
		Endpoint:    t.endpoint(&r),
		Headers:     r.pairs("OTEL_EXPORTER_OTLP_HEADERS", string(t.OTELHeaders.Reveal()), httpguts.ValidHeaderFieldName),
		Certificate: t.OTELCertificate, ClientCertificate: t.OTELClientCert, ClientKey: t.OTELClientKey,
		Gzip:          r.one("OTEL_EXPORTER_OTLP_COMPRESSION", t.OTELCompression, "none", "gzip") == "gzip",
		Timeout:       r.milliseconds("OTEL_EXPORTER_OTLP_TIMEOUT", t.OTELTimeout, 10*time.Second),
		Attributes:    r.pairs("OTEL_RESOURCE_ATTRIBUTES", t.OTELResource, func(key string) bool { return key != "" }),
		Sampler:       r.one("OTEL_TRACES_SAMPLER", t.OTELSampler, "parentbased_always_on", samplers...),
		Ratio:         r.ratio("OTEL_TRACES_SAMPLER_ARG", t.OTELSamplerArg),
		Propagate:     t.OTELPropagators == "" || slices.Contains(listOf(t.OTELPropagators), "tracecontext"),
		Delay:         r.milliseconds("OTEL_BSP_SCHEDULE_DELAY", t.OTELDelay, 5*time.Second),
		ExportTimeout: r.milliseconds("OTEL_BSP_EXPORT_TIMEOUT", t.OTELExportTimeout, 30*time.Second),
		Queue:         r.number("OTEL_BSP_MAX_QUEUE_SIZE", t.OTELQueue, 2048),
		Batch:         r.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", t.OTELBatch, 512),
	}
	if t.OTELService != "" {
		traces.Attributes["service.name"] = t.OTELService
	}
	r.one("OTEL_TRACES_EXPORTER", t.OTELExporter, "otlp")
	r.one("OTEL_EXPORTER_OTLP_PROTOCOL", t.OTELProtocol, "http/protobuf")
	r.reject(traces.Batch > traces.Queue, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE: must be at most OTEL_BSP_MAX_QUEUE_SIZE, %d", traces.Queue)
	r.reject((t.OTELClientCert == "") != (t.OTELClientKey == ""),
		"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY: both are required")
	return traces, errors.Join(r.errs...)
}

const defaultEndpoint = "http://localhost:4318"

// endpoint returns the URL for spans. The general one is a base, that for traces is complete (OTLP Exporter Configuration,
// "Endpoint URLs for OTLP/HTTP").
func (t *Tracing) endpoint(r *variableReader) string {
	if t.OTELTracesEndpoint != "" {
		r.url("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", t.OTELTracesEndpoint)
		return t.OTELTracesEndpoint
	}
	base := t.OTELEndpoint
	if base == "" {
		base = defaultEndpoint
	}
	u := r.url("OTEL_EXPORTER_OTLP_ENDPOINT", base)
	u.Path = path.Join("/", u.Path, "v1/traces")
	return u.String()
}

// variableReader reads variables and collects the errors. No error quotes a value that may have a secret.
type variableReader struct{ errs []error }

func (r *variableReader) reject(when bool, format string, args ...any) {
	if when {
		r.errs = append(r.errs, fmt.Errorf(format, args...))
	}
}

func (r *variableReader) url(name, text string) *url.URL {
	u, err := url.Parse(text)
	if err != nil || !isIssuer(text) {
		r.reject(true, "%s: must be a URL such as %s, without user, query or fragment; credentials belong in OTEL_EXPORTER_OTLP_HEADERS",
			name, defaultEndpoint)
		return &url.URL{}
	}
	return u
}

// one returns a value that must be one of several, the first of which is the default.
func (r *variableReader) one(name, text, standard string, others ...string) string {
	if text == "" {
		return standard
	}
	allowed := append([]string{standard}, others...)
	r.reject(!slices.Contains(allowed, text), "%s: must be %s, not %q", name, strings.Join(slices.Compact(slices.Sorted(slices.Values(allowed))), ", "), text)
	return text
}

func (r *variableReader) number(name, text string, standard int) int {
	if text == "" {
		return standard
	}
	n, err := strconv.ParseUint(text, 10, 31)
	r.reject(err != nil || n == 0, "%s: must be a whole number from 1, not %q", name, text)
	return int(n)
}

func (r *variableReader) milliseconds(name, text string, standard time.Duration) time.Duration {
	return time.Duration(r.number(name, text, int(standard.Milliseconds()))) * time.Millisecond
}

func (r *variableReader) ratio(name, text string) float64 {
	if text == "" {
		return 1
	}
	ratio, err := strconv.ParseFloat(text, 64)
	r.reject(err != nil || !(ratio >= 0 && ratio <= 1), "%s: must be a number from 0 to 1, not %q", name, text)
	return ratio
}

// pairs reads NAME=VALUE,... with percent-encoded values (W3C Baggage §3.2.1, without properties).
func (r *variableReader) pairs(name, text string, valid func(string) bool) map[string]string {
	pairs := map[string]string{}
	for _, element := range listOf(text) {
		key, encoded, found := strings.Cut(element, "=")
		key = strings.TrimSpace(key)
		value, err := url.PathUnescape(strings.TrimSpace(encoded))
		if !found || err != nil || !valid(key) || strings.ContainsAny(value, "\r\n\x00") {
			r.reject(true, "%s: must be NAME=VALUE,... with percent-encoded values", name)
			return pairs
		}
		pairs[key] = value
	}
	return pairs
}

// listOf returns the elements of a comma-separated list that are not empty.
func listOf(text string) []string {
	var elements []string
	for element := range strings.SplitSeq(text, ",") {
		if element = strings.TrimSpace(element); element != "" {
			elements = append(elements, element)
		}
	}
	return elements
}
