package oauth

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"usher/internal/auth"
)

// parameterResource is the only parameter that may occur more than once by a standard (RFC 8707 §2).
const parameterResource = "resource"

// maxForm is the maximum size of a form in bytes. It is twice the maximum size of a token.
const maxForm = 16 << 10

// form is the parameters of a request. It has no parameters without a value, which count as omitted (RFC 6749
// §3.2).
type form map[string]string

// post returns a handler of form requests. If serve returns nil, the response has no body.
func (s *server) post(serve func(r *http.Request, f form, client *auth.Client) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := readForm(w, r)
		var client *auth.Client
		if err == nil {
			client, err = s.client(r, f)
		}
		var answer any
		if err == nil {
			answer, err = serve(r, f, client)
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	mediaType, parameters, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch {
	case r.Method != http.MethodPost:
		return nil, wrongMethod(http.MethodPost)
	case r.URL.RawQuery != "":
		return nil, invalidRequest("Parameters belong in the request body, not in the URL.")
	case err != nil || mediaType != "application/x-www-form-urlencoded" || !isUTF8(parameters):
		return nil, invalidRequest("The request body must be application/x-www-form-urlencoded in UTF-8.")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &failure{status: http.StatusRequestEntityTooLarge, Code: codeInvalidRequest, Description: "The request body is larger than 16 KiB."}
	case err != nil:
		return nil, invalidRequest("The request body could not be read.")
	}
	return parseForm(string(body))
}

func isUTF8(parameters map[string]string) bool {
	charset, ok := parameters["charset"]
	return !ok || strings.EqualFold(charset, "utf-8")
}

func parseForm(body string) (form, error) {
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, invalidRequest("The request body is not a valid form.")
	}
	f := form{}
	for name, of := range values {
		switch {
		case len(of) > 1 && name == parameterResource: // RFC 8707 §2 lets servers reject several resources
			return nil, badRequest(codeInvalidTarget, "Request only one resource for an access token.")
		case len(of) > 1:
			return nil, invalidRequest("A parameter is given more than once.")
		}
		if of[0] != "" {
			f[name] = of[0]
		}
	}
	return f, nil
}
