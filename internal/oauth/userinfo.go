package oauth

import (
	"errors"
	"net/http"

	"usher/internal/auth"
	"usher/internal/request"
)

// userinfo has the claims about a user under the names of OpenID Connect Core §5.1.
type userinfo struct {
	Subject           string  `json:"sub"`
	PreferredUsername *string `json:"preferred_username,omitempty"`
	Email             *string `json:"email,omitempty"`
	EmailVerified     *bool   `json:"email_verified,omitempty"` // only together with email
	Name              *string `json:"name,omitempty"`
	UpdatedAt         int64   `json:"updated_at"` // seconds since 1970
}

// userinfo returns the user of the access token (RFC 6750), like `me`.
func (s *server) userinfo(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		wrongMethod("GET, HEAD").write(w, r)
		return
	case r.URL.Query().Has("access_token"): // RFC 9700 §4.3.2: URLs are logged
		challenge(w, r, invalidRequest("The access token belongs in the Authorization header."))
		return
	case len(r.Header["Authorization"]) > 1: // RFC 6750 §3.1: more than one way to send the token
		challenge(w, r, invalidRequest("Send only one Authorization header."))
		return
	}
	user, err := s.viewer(r)
	if err != nil {
		s.challenge(w, r, err)
		return
	}
	answer := userinfo{
		Subject: user.ID.String(), PreferredUsername: user.Username, Email: user.Email, Name: user.FullName,
		UpdatedAt: user.UpdatedAt.Unix(),
	}
	if user.Email != nil {
		answer.EmailVerified = new(user.HasVerifiedEmail())
	}
	writeJSON(w, http.StatusOK, answer)
}

// forUsers returns the access rule of the endpoint. Unlike `me`, it needs a verified address if the server requires one:
// services use the endpoint to authenticate users.
func forUsers(verified bool) *auth.Rule {
	return &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Check: auth.CheckSession, Verified: verified}
}

func (s *server) viewer(r *http.Request) (*auth.User, error) {
	if err := s.access.Authorize(r.Context(), s.forUsers, nil); err != nil {
		return nil, err
	}
	return s.access.Me(r.Context())
}

// challenge sends the response to a request that is not authorized.
func (s *server) challenge(w http.ResponseWriter, r *http.Request, err error) {
	e := new(auth.Error)
	errors.As(err, &e)
	switch {
	case e.Code == auth.CodeForbidden:
		request.OutcomeOf(r.Context()).Forbidden = true
		challenge(w, r, &failure{status: http.StatusForbidden, Code: codeInsufficientScope, Description: "The user is not allowed to do this."})
	case e.Code == auth.CodeEmailNotVerified:
		request.OutcomeOf(r.Context()).Forbidden = true
		challenge(w, r, &failure{status: http.StatusForbidden, Code: codeInsufficientScope, Description: descriptionNotVerified})
	case e.Code == auth.CodeSecondFactorSetupRequired:
		request.OutcomeOf(r.Context()).Forbidden = true
		challenge(w, r, &failure{status: http.StatusForbidden, Code: codeInsufficientScope, Description: descriptionNoFactor})
	case e.Reason == auth.ReasonNoToken: // RFC 6750 §3.1: no error code without a token
		w.Header().Set("WWW-Authenticate", `Bearer realm="usher"`)
		writeJSON(w, http.StatusUnauthorized, nil)
	case e.Code == auth.CodeUnauthenticated:
		challenge(w, r, &failure{status: http.StatusUnauthorized, Code: codeInvalidToken, Description: "The access token is invalid, expired or revoked."})
	default:
		s.failureOf(r.Context(), err).write(w, r)
	}
}

func challenge(w http.ResponseWriter, r *http.Request, f *failure) {
	w.Header().Set("WWW-Authenticate", `Bearer error="`+f.Code+`", error_description="`+f.Description+`"`)
	f.write(w, r)
}
