package breach

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"usher/internal/observe"
)

// Service asks a service by ranges: it sends the first five hexadecimal digits of a hash, and the answer has all hashes with
// this beginning. So the service does not learn which password was meant (k-anonymity).
type Service struct {
	url     string
	timeout time.Duration
	// own says that the service is on this machine. It may know which requests belong together, others may not.
	own      bool
	observer *observe.Observer
	client   *http.Client
}

const (
	rangeDigits = 5
	// maxAnswer is some ten times the size of an answer with padding.
	maxAnswer = 1 << 20
	// maxRequests bounds the connections to the service.
	maxRequests = 32
)

// NewService returns a Service. The URL may have a slash at its end. The observer may be nil.
func NewService(url string, timeout time.Duration, observer *observe.Observer) *Service {
	return &Service{
		url: strings.TrimSuffix(url, "/") + "/", timeout: timeout, own: isLoopback(url), observer: observer,
		client: &http.Client{
			Transport: &http.Transport{
				Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxConnsPerHost: maxRequests, MaxIdleConnsPerHost: maxRequests,
				IdleConnTimeout: time.Minute,
			},
			// The digits go to the service that was set, and nowhere else.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

func isLoopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

func (s *Service) close() {
	if s != nil {
		s.client.CloseIdleConnections()
	}
}

// Contains reports whether the service has a hash. No error has a part of the hash.
func (s *Service) Contains(ctx context.Context, hash Hash) (found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	ctx, end := s.observer.Step(ctx, observe.Outgoing, "breached passwords")
	defer func() { end(err) }()
	digits := strings.ToUpper(hex.EncodeToString(hash[:]))
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+digits[:rangeDigits], http.NoBody)
	if err != nil {
		return false, withoutURL(err)
	}
	r.Header.Set("Add-Padding", "true") // the size of the answer shall not tell the range
	r.Header.Set("User-Agent", "Usher")
	if s.own {
		observe.Inject(ctx, r.Header)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return false, withoutURL(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return false, fmt.Errorf("the service has answered with status %d", response.StatusCode)
	}
	return findSuffix(response.Body, digits[rangeDigits:])
}

// withoutURL drops the URL from an error, because it has digits of a hash.
func withoutURL(err error) error {
	if e := new(url.Error); errors.As(err, &e) {
		return e.Err
	}
	return err
}

var errAnswer = errors.New("the answer of the service is not a list of hashes with counts")

// findSuffix looks a suffix up in an answer. It reads and checks the whole answer: one that is cut, or is a page for people, must
// not count as an answer without the password.
func findSuffix(body io.Reader, suffix string) (found bool, err error) {
	limited := &io.LimitedReader{R: body, N: maxAnswer + 1}
	lines := bufio.NewScanner(limited)
	n := 0
	for ; lines.Scan(); n++ {
		digits, rest, _ := strings.Cut(strings.TrimSuffix(lines.Text(), "\r"), ":")
		count, err := strconv.ParseUint(rest, 10, 64)
		if err != nil || len(digits) != len(suffix) || !isHex(digits) {
			return false, errAnswer
		}
		if count > 0 && strings.EqualFold(digits, suffix) { // padding has the count 0
			found = true
		}
	}
	switch {
	case errors.Is(lines.Err(), bufio.ErrTooLong), limited.N == 0, n == 0:
		return false, errAnswer
	case lines.Err() != nil:
		return false, lines.Err()
	}
	return found, nil
}

func isHex(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'A' || r > 'F') && (r < 'a' || r > 'f')
	}) < 0
}
