package httpd

import (
	"io"

	"usher/internal/observe"
)

// body is the body of a request. While the server waits for its bytes, the request is not in flight: it needs no
// processor. Otherwise clients that send slowly would take processors from passwords, see password.Hasher.
type body struct {
	io.ReadCloser
	observer *observe.Observer
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	b.observer.EndRequest()
	defer b.observer.BeginRequest()
	return b.ReadCloser.Read(p)
}
