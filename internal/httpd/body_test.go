package httpd

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/iotest"
)

// reads calls a function at each Read.
type reads func(p []byte) (int, error)

func (r reads) Read(p []byte) (int, error) { return r(p) }

// TestBodyNotInFlight checks that a request is not in flight while the server waits for its body. Otherwise clients that
// send a byte a second would halve the number of passwords that are hashed at once.
func TestBodyNotInFlight(t *testing.T) {
	t.Parallel()
	var o Options
	var during, between []int64
	o = testOptions(t, func(_ http.ResponseWriter, r *http.Request) {
		between = append(between, o.Observer.InFlight())
		_, _ = io.Copy(io.Discard, r.Body)
		between = append(between, o.Observer.InFlight())
		panic("boom")
	})
	arriving := reads(func([]byte) (int, error) {
		during = append(during, o.Observer.InFlight())
		return 0, io.ErrUnexpectedEOF
	})
	r := httptest.NewRequest(http.MethodPost, "/graphql", io.MultiReader(iotest.OneByteReader(io.LimitReader(zeros{}, 3)), arriving))
	sent := r.Body
	New(o).ServeHTTP(httptest.NewRecorder(), r)
	if r.Body != sent {
		t.Error("the request of the caller has another body")
	}
	if len(during) != 1 || during[0] != 0 || len(between) != 2 || between[0] != 1 || between[1] != 1 {
		t.Errorf("in flight while a body arrives: %v, want 0; before and after: %v, want 1", during, between)
	}
	if n := o.Observer.InFlight(); n != 0 {
		t.Errorf("%d requests in flight after the only one", n)
	}
}
