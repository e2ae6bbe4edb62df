// Package callback owns the endpoint to which providers send browsers back. It hands their answers to the domain, and sends
// the browsers on to the pages where the sign-ins began.
package callback

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"

	"usher/internal/auth"
	"usher/internal/auth/identities"
	"usher/internal/cookie"
	"usher/internal/provider"
	"usher/internal/request"
)

const prefix = "/auth/callback/"

// Pattern matches the paths of the endpoint, of which each provider has its own.
const Pattern = prefix + "{provider}"

// Path is the path for a provider, below the issuer.
func Path(id string) string { return prefix + id }

// maxForm is the length of the longest form that a provider may post, in bytes.
const maxForm = 64 << 10

// New returns the endpoint. It handles every method.
func New(domain *identities.Service, log *slog.Logger) http.Handler {
	return &endpoint{domain, log}
}

type endpoint struct {
	domain *identities.Service
	log    *slog.Logger
}

// ServeHTTP takes the answer of a provider: the parameters of an authorization response (RFC 6749 §4.1.2) in the URL or, with
// the response mode form_post, in a form.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	var form url.Values
	switch r.Method {
	case http.MethodGet:
		var err error
		if form, err = url.ParseQuery(r.URL.RawQuery); err != nil {
			e.refuse(w, http.StatusBadRequest)
			return
		}
	case http.MethodPost:
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		if err := r.ParseForm(); err != nil {
			e.refuse(w, http.StatusBadRequest)
			return
		}
		form = r.PostForm
	default:
		h.Set("Allow", "GET, POST")
		e.refuse(w, http.StatusMethodNotAllowed)
		return
	}
	answer, ok := read(form)
	if !ok {
		e.refuse(w, http.StatusBadRequest)
		return
	}
	answer.Provider = r.PathValue("provider")
	answer.Browser = cookie.From(r.Context()).ProviderToken()
	outcome, err := e.domain.ReceiveAnswer(r.Context(), answer)
	switch {
	case errors.Is(err, identities.ErrNoRequest):
		e.refuse(w, http.StatusBadRequest)
		return
	case errors.Is(err, auth.ErrUnavailable):
		e.log.WarnContext(r.Context(), "answer of a provider not taken", "id", request.From(r.Context()).ID, "err", auth.Unavailability(err))
		e.refuse(w, http.StatusServiceUnavailable)
		return
	case err != nil:
		e.log.ErrorContext(r.Context(), "answer of a provider not taken", "id", request.From(r.Context()).ID, "err", err)
		e.refuse(w, http.StatusInternalServerError)
		return
	}
	if outcome.Err != nil && !errors.Is(outcome.Err, identities.ErrDenied) {
		e.log.WarnContext(r.Context(), "sign-in at a provider failed", "id", request.From(r.Context()).ID, "err", outcome.Err)
	}
	h.Set("Location", location(outcome))
	w.WriteHeader(http.StatusSeeOther)
}

// read reads an answer. It reports false if a parameter is there twice, which RFC 6749 §3.1 forbids.
func read(form url.Values) (a identities.ProviderAnswer, ok bool) {
	for _, values := range form {
		if len(values) != 1 {
			return a, false
		}
	}
	a.State, a.Error = form.Get("state"), form.Get("error")
	a.Response = provider.Response{Code: form.Get("code"), User: form.Get("user")}
	if form.Has("iss") {
		a.Response.Issuer = new(form.Get("iss"))
	}
	return a, a.State != "" && (a.Error != "" || a.Response.Code != "")
}

// The values of the parameter error of the page to which a failed sign-in returns (RFC 6749 §4.1.2.1).
const (
	errDenied      = "access_denied"
	errUnavailable = "temporarily_unavailable"
	errServer      = "server_error"
)

// location is the URL to which the browser goes: that of the page with the code, or with why the sign-in has failed.
func location(o *identities.Outcome) string {
	name, value := "code", o.Code
	switch {
	case o.Err == nil:
	case errors.Is(o.Err, identities.ErrDenied), errors.Is(o.Err, provider.ErrDomain):
		name, value = "error", errDenied
	case errors.Is(o.Err, provider.ErrUnavailable):
		name, value = "error", errUnavailable
	default:
		name, value = "error", errServer
	}
	separator := "?"
	if u, err := url.Parse(o.RedirectTo); err == nil && u.RawQuery != "" {
		separator = "&"
	}
	return o.RedirectTo + separator + name + "=" + url.QueryEscape(value)
}

// page is what people see whose sign-in cannot go on, and is not known to any page. It has the reason.
const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Sign-in not possible</title>
<h1>Sign-in not possible</h1>
<p>%s</p>
<p>Go back to the page where you began, and sign in again.</p>
</html>
`

// The reasons.
const (
	noRequest = "This sign-in has expired, was completed, or began in another browser."
	noAnswer  = "The server cannot complete the sign-in now."
)

func (e *endpoint) refuse(w http.ResponseWriter, status int) {
	reason := noRequest
	if status >= http.StatusInternalServerError {
		reason = noAnswer
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(status)
	fmt.Fprintf(w, page, reason)
}
