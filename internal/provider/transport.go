package provider

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

const (
	// maxAnswer bounds the body of an answer in bytes. The largest ones are the keys of big issuers, with some 20 KiB.
	maxAnswer = 1 << 20
	// maxHeader bounds its header.
	maxHeader = 64 << 10
	// maxConnections bounds the connections to a host.
	maxConnections = 32
)

// newClient returns the client for the requests to a provider. It connects directly: HTTP_PROXY and its like are not read, because
// a proxy would look up the names itself, and no address could be checked.
func newClient(private bool) *http.Client {
	dialer := &net.Dialer{ControlContext: control(private)}
	return &http.Client{Transport: &guard{private: private, base: &http.Transport{
		DialContext: dialer.DialContext, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost: maxConnections, MaxIdleConnsPerHost: 4, IdleConnTimeout: time.Minute,
	}}}
}

// guard is a transport whose answers have a status that the caller can use, and a bounded body that has arrived.
// Everything else is an error of this package, also a redirect: what was meant for one endpoint reaches no other. The
// libraries above it would quote bodies, and lose the kind of an error.
type guard struct {
	private bool
	base    *http.Transport
}

// CloseIdleConnections is called by the method of http.Client with the same name.
func (g *guard) CloseIdleConnections() { g.base.CloseIdleConnections() }

// RoundTrip implements http.RoundTripper.
func (g *guard) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !g.private) {
		return nil, &requestError{refused("an endpoint has no https URL")}
	}
	r = r.Clone(withScheme(r.Context(), r.URL.Scheme))
	r.Header.Set("User-Agent", "Usher")
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "application/json")
	}
	response, err := g.base.RoundTrip(r)
	if err != nil {
		return nil, &requestError{networkError(err)}
	}
	defer response.Body.Close()
	if err := checkStatus(r.Method, response.StatusCode); err != nil {
		return nil, &requestError{err}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, &requestError{networkError(err)}
	case len(body) > maxAnswer:
		return nil, &requestError{refused("an answer has more than 1 MiB")}
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// checkStatus leaves errors of the token endpoint, which have a code, to its caller.
func checkStatus(method string, status int) error {
	switch {
	case status == http.StatusOK, method == http.MethodPost && status >= 400 && status < 500 && status != http.StatusTooManyRequests:
		return nil
	case status >= 300 && status < 400:
		return refused(fmt.Sprintf("an endpoint redirects, with status %d", status))
	case status >= 500, status == http.StatusTooManyRequests:
		return unavailable(fmt.Sprintf("it answers with status %d", status))
	default:
		return refused(fmt.Sprintf("an endpoint answers with status %d", status))
	}
}
