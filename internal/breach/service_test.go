package breach

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.uber.org/goleak"
)

// digits are those of the hash of "password".
const digits, suffix = "5BAA6", "1E4C9B93F3F0682250B6CF8331B7EE68FD8"

// answers starts a service with one answer.
func answers(t *testing.T, status int, body string) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func list(t *testing.T, o Options) (*List, *strings.Builder) {
	t.Helper()
	log := &strings.Builder{}
	o.Log = slog.New(slog.NewTextHandler(log, nil))
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	l, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, log
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const other = "0018A45C4D1DEF81644B54AB7F969B88D65"

func TestService(t *testing.T) {
	entry := other + ":3\r\n" + suffix + ":9545824\r\n"
	for name, tt := range map[string]struct {
		status int
		body   string
		found  bool
		fails  string
	}{
		"found":             {200, entry, true, ""},
		"found, cut end":    {200, other + ":3\r\n" + suffix + ":1", true, ""},
		"lower case":        {200, strings.ToLower(entry), true, ""},
		"padding":           {200, other + ":3\r\n" + suffix + ":0\r\n", false, ""},
		"not found":         {200, other + ":3\r\n", false, ""},
		"status 500":        {500, entry, false, "status 500"},
		"status 404":        {404, entry, false, "status 404"},
		"no content":        {204, "", false, "status 204"},
		"empty":             {200, "", false, "not a list"},
		"a page":            {200, "<html>Sign in to this network</html>", false, "not a list"},
		"a page after that": {200, entry + "<html>", false, "not a list"},
		"cut in a line":     {200, entry + other[:20], false, "not a list"},
		"no count":          {200, suffix + "\r\n", false, "not a list"},
		"a whole hash":      {200, digits + suffix + ":3\r\n", false, "not a list"},
		"not hexadecimal":   {200, strings.Repeat("x", 35) + ":3\r\n", false, "not a list"},
		"blank line":        {200, "\r\n" + entry, false, "not a list"},
		"huge":              {200, strings.Repeat(other+":3\r\n", 1<<15), false, "not a list"},
		"one huge line":     {200, strings.Repeat("A", 1<<21), false, "not a list"},
	} {
		t.Run(name, func(t *testing.T) {
			l, log := list(t, Options{URL: answers(t, tt.status, tt.body)})
			found, err := l.Compromised(t.Context(), "password")
			if found != tt.found || (err == nil) != (tt.fails == "") || err != nil && !strings.Contains(err.Error(), tt.fails) {
				t.Errorf("got %t, %v; want %t, %s", found, err, tt.found, tt.fails)
			}
			withoutHash(t, err, log.String())
		})
	}
}

// withoutHash fails the test if an error or the log has a part of the hash that was sent.
func withoutHash(t *testing.T, err error, log string) {
	t.Helper()
	if text := strings.ToUpper(fmt.Sprint(err) + log); strings.Contains(text, digits) || strings.Contains(text, suffix) {
		t.Errorf("a part of the hash is in %v or in the log %s", err, log)
	}
}

// TestServiceRequest shows what the service is sent: five digits of the hash and no more.
func TestServiceRequest(t *testing.T) {
	var got string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = fmt.Sprintf("%s %s %s %s %q", r.Method, r.RequestURI, r.Header.Get("Add-Padding"), r.Header.Get("User-Agent"), body)
		fmt.Fprint(w, other+":3\r\n")
	})
	for _, base := range []string{"/range/", "/range"} {
		l, _ := list(t, Options{URL: url + base})
		if found, err := l.Compromised(t.Context(), "password"); found || err != nil {
			t.Fatal(found, err)
		}
		if want := `GET /range/5BAA6 true Usher ""`; got != want {
			t.Errorf("%s is sent, want %s", got, want)
		}
	}
}

// TestServiceRedirect shows that a redirect is not followed.
func TestServiceRedirect(t *testing.T) {
	elsewhere := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the other service is asked") })
	l, log := list(t, Options{URL: serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere+r.URL.Path, http.StatusFound)
	})})
	_, err := l.Compromised(t.Context(), "password")
	if err == nil || !strings.Contains(err.Error(), "status 302") {
		t.Errorf("got %v", err)
	}
	withoutHash(t, err, log.String())
}

// TestServiceTimeout asks services that never answer, that never end their answer, and that nobody runs.
func TestServiceTimeout(t *testing.T) {
	closed := make(chan struct{})
	wait := func(r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-closed:
		}
	}
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { wait(r) })
	slow := serve(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, other+":3\r\n")
		_ = http.NewResponseController(w).Flush()
		wait(r)
	})
	t.Cleanup(func() { close(closed) }) // before the services close
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, url := range map[string]string{"silent": silent, "slow": slow, "gone": "http://" + gone.Addr().String()} {
		l, log := list(t, Options{URL: url, Timeout: 50 * time.Millisecond})
		begun := time.Now()
		found, err := l.Compromised(t.Context(), "password")
		if found || err == nil || time.Since(begun) > 5*time.Second {
			t.Errorf("%s: got %t, %v after %v", name, found, err, time.Since(begun))
		}
		if name != "gone" && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v", name, err)
		}
		withoutHash(t, err, log.String())
		if !strings.Contains(log.String(), "service of breached passwords not reached") {
			t.Errorf("%s: the log is %q", name, log)
		}
	}
}

// TestFileAndService shows that the service confirms what the file finds, is not asked about anything else, and that the answer of
// the file holds while there is none.
func TestFileAndService(t *testing.T) {
	file := filepath.Join(t.TempDir(), "breaches.bin")
	if _, err := Build(t.Context(), strings.NewReader(line("password")), file, BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	const unknown = "lamp river candle stone"
	for name, tt := range map[string]struct {
		status       int
		body         string
		found, asked bool
		text         string
	}{
		"confirmed":    {200, suffix + ":3", true, true, "password"},
		"mistake":      {200, other + ":3", false, true, "password"},
		"no answer":    {500, "", true, true, "password"},
		"not the file": {200, suffix + ":3", false, false, unknown},
	} {
		t.Run(name, func(t *testing.T) {
			asked := false
			l, _ := list(t, Options{File: file, URL: serve(t, func(w http.ResponseWriter, _ *http.Request) {
				asked = true
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})})
			if found, err := l.Compromised(t.Context(), tt.text); found != tt.found || err != nil || asked != tt.asked {
				t.Errorf("got %t, %v, asked %t; want %t, %t", found, err, asked, tt.found, tt.asked)
			}
		})
	}

	t.Run("file not read", func(t *testing.T) {
		for body, want := range map[string]bool{suffix + ":3": true, other + ":3": false} {
			l, log := list(t, Options{File: file, URL: answers(t, 200, body)})
			l.file.r = strings.NewReader("")
			if found, err := l.Compromised(t.Context(), "password"); found != want || err != nil {
				t.Errorf("got %t, %v", found, err)
			}
			if !strings.Contains(log.String(), "file of breached passwords not read") {
				t.Errorf("the log is %q", log)
			}
		}
		l, _ := list(t, Options{File: file})
		l.file.r = strings.NewReader("")
		if found, err := l.Compromised(t.Context(), "password"); found || !errors.Is(err, errTruncated) {
			t.Errorf("without a service: %t, %v", found, err)
		}
	})
	t.Run("any of the texts", func(t *testing.T) {
		l, _ := list(t, Options{File: file})
		if found, err := l.Compromised(t.Context(), unknown, "password"); !found || err != nil {
			t.Errorf("got %t, %v", found, err)
		}
	})
}

func TestOpenNothing(t *testing.T) {
	l, err := Open(Options{})
	if l != nil || err != nil || l.Close() != nil {
		t.Errorf("got %v, %v", l, err)
	}
}

// FuzzFindSuffix proves that a suffix is found only in an answer that has it with a count.
func FuzzFindSuffix(f *testing.F) {
	f.Add(suffix + ":3\r\n" + other + ":0")
	f.Add("<html>")
	f.Add(":\r\n")
	f.Fuzz(func(t *testing.T, body string) {
		found, err := findSuffix(strings.NewReader(body), suffix)
		if found && (err != nil || !strings.Contains(strings.ToUpper(body), suffix+":")) {
			t.Errorf("found in %q, %v", body, err)
		}
	})
}

// TestServiceTrace tells only a service on this machine which requests belong together.
func TestServiceTrace(t *testing.T) {
	var got string
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Get("Traceparent") + r.Header.Get("Tracestate") + r.Header.Get("Baggage")
		fmt.Fprint(w, other+":3\r\n")
	})
	provider := sdk.NewTracerProvider()
	defer func() { _ = provider.Shutdown(context.Background()) }()
	ctx, span := provider.Tracer("test").Start(t.Context(), "request")
	s := NewService(url, 10*time.Second, nil)
	defer s.close()
	for _, own := range []bool{true, false} {
		s.own = own
		if _, err := s.Contains(ctx, HashOf("password")); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(got, span.SpanContext().TraceID().String()) != own || !own && got != "" {
			t.Errorf("own: %t, the service gets %q", own, got)
		}
	}
	for url, own := range map[string]bool{
		"http://localhost/": true, "http://127.0.0.1:80/": true, "https://[::1]/": true,
		"https://api.pwnedpasswords.com/range/": false, "https://10.0.0.1/": false, "https://localhost.example/": false, "https://127.0.0.1.nip.io/": false,
	} {
		if got := NewService(url, time.Second, nil).own; got != own {
			t.Errorf("%s: own: %t", url, got)
		}
	}
}

// TestCount counts look-ups and those that a list failed to answer, even if the other list answered.
func TestCount(t *testing.T) {
	file := filepath.Join(t.TempDir(), "breaches.bin")
	if _, err := Build(t.Context(), strings.NewReader(line("password")), file, BuildOptions{Bits: 16}); err != nil {
		t.Fatal(err)
	}
	left, leave := context.WithCancel(t.Context())
	leave()
	for name, tt := range map[string]struct {
		ctx    context.Context
		file   string
		status int
		want   string
	}{
		"found":             {t.Context(), "", 200, "false"},
		"no answer":         {t.Context(), "", 500, "true"},
		"file and answer":   {t.Context(), file, 200, "false"},
		"file and none":     {t.Context(), file, 500, "true"},
		"the client leaves": {left, "", 200, "false"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			l, _ := list(t, Options{
				File: tt.file, URL: answers(t, tt.status, suffix+":3"),
				Count: func(failed bool) { got = append(got, fmt.Sprint(failed)) },
			})
			_, _ = l.Compromised(tt.ctx, "password")
			if strings.Join(got, " ") != tt.want {
				t.Errorf("counted %v, want %s", got, tt.want)
			}
		})
	}
}
