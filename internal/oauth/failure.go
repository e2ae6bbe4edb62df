package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/clients"
	"usher/internal/auth/sessions"
	"usher/internal/request"
)

// The error codes are from RFC 6749 §5.2 unless another source is given.
const (
	codeInvalidRequest       = "invalid_request"
	codeInvalidClient        = "invalid_client"
	codeInvalidGrant         = "invalid_grant"
	codeUnauthorizedClient   = "unauthorized_client"
	codeUnsupportedGrantType = "unsupported_grant_type"
	codeInvalidScope         = "invalid_scope"

	codeUnsupportedTokenType = "unsupported_token_type" // RFC 7009 §2.2.1
	codeInvalidTarget        = "invalid_target"         // RFC 8707 §2

	// RFC 6749 §4.1.2.1 defines these for another endpoint. §5.2 has no code for a client that should retry.
	// invalid_grant would make it discard its credentials.
	codeTemporarilyUnavailable = "temporarily_unavailable"
	codeServerError            = "server_error"

	// RFC 6749 §4.1.2.1 defines it for that endpoint too, and RFC 8628 §3.5 uses it at this one: the authorization
	// server denies the request. invalid_grant would make the client discard a refresh token that stays valid.
	codeAccessDenied = "access_denied"

	codeInvalidToken      = "invalid_token"      // RFC 6750 §3.1
	codeInsufficientScope = "insufficient_scope" // RFC 6750 §3.1
)

// failure is an error response of RFC 6749 §5.2. Its description never contains text of the request. It also
// contains no quotes and no backslashes, which the standard does not allow there.
type failure struct {
	Code        string `json:"error"`
	Description string `json:"error_description,omitempty"`
	// Challenge is to be solved before the request is repeated.
	Challenge *auth.Challenge `json:"challenge,omitempty"`

	status     int
	allow      string        // Allow header
	retryAfter time.Duration // Retry-After header
}

const (
	descriptionNotVerified = "The user must verify their e-mail address first."
	descriptionNoFactor    = "The user must set up a second factor first."
)

// Error implements error.
func (f *failure) Error() string { return f.Code + ": " + f.Description }

func badRequest(code, description string) *failure {
	return &failure{status: http.StatusBadRequest, Code: code, Description: description}
}

func invalidRequest(description string) *failure { return badRequest(codeInvalidRequest, description) }

func invalidClient(description string) *failure {
	return &failure{status: http.StatusUnauthorized, Code: codeInvalidClient, Description: description}
}

func wrongMethod(allow string) *failure {
	return &failure{
		status: http.StatusMethodNotAllowed, Code: codeInvalidRequest, Description: "The method must be one of: " + allow + ".", allow: allow,
	}
}

func unavailable(status int, retryAfter time.Duration, description string) *failure {
	return &failure{status: status, Code: codeTemporarilyUnavailable, Description: description, retryAfter: retryAfter}
}

// failureOf converts an error of the domain. It logs an unknown error and returns a server_error for it.
func (s *server) failureOf(ctx context.Context, err error) *failure {
	var f *failure
	var e *auth.Error
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, clients.ErrForeignToken):
		return badRequest(codeInvalidGrant, "The token was issued to another client.")
	case errors.Is(err, clients.ErrTokenNotRevocable):
		return badRequest(codeUnsupportedTokenType, "Tokens of this type cannot be revoked. They are valid until they expire.")
	case errors.Is(err, sessions.ErrUnknownResource):
		return badRequest(codeInvalidTarget, "The server does not issue access tokens for this resource.")
	case errors.As(err, &e):
		switch e.Code {
		case auth.CodeInvalidCredentials:
			return badRequest(codeInvalidGrant, "The user name, e-mail address or password is wrong.")
		case auth.CodeUnauthenticated:
			if e.Reason == auth.ReasonAccountDisabled {
				return badRequest(codeInvalidGrant, "The account is disabled.")
			}
			return badRequest(codeInvalidGrant, "The token is invalid, expired or revoked.")
		case auth.CodeEmailNotVerified:
			return badRequest(codeAccessDenied, descriptionNotVerified)
		case auth.CodeSecondFactorRequired: // there is no way to present it here
			return badRequest(codeAccessDenied, "The account has a second factor. The user must sign in with the GraphQL API.")
		case auth.CodeSecondFactorSetupRequired:
			return badRequest(codeAccessDenied, descriptionNoFactor)
		case auth.CodeRateLimited:
			return unavailable(http.StatusTooManyRequests, e.RetryAfter, "Too many attempts. Wait before you try again.")
		case auth.CodeChallengeRequired:
			return &failure{
				status: http.StatusTooManyRequests, Code: codeTemporarilyUnavailable, Challenge: e.Challenge,
				Description: "Solve the challenge and repeat the request with the solution as challenge_solution.",
			}
		case auth.CodeServiceUnavailable:
			return unavailable(http.StatusServiceUnavailable, e.RetryAfter, "The server is temporarily unavailable. Try again soon.")
		}
	case errors.Is(err, auth.ErrUnavailable), errors.Is(err, context.DeadlineExceeded):
		s.log.ErrorContext(ctx, "service unavailable", "id", request.From(ctx).ID, "cause", auth.Unavailability(err), "err", err)
		return unavailable(http.StatusServiceUnavailable, auth.UnavailableRetry, "The server is temporarily unavailable. Try again soon.")
	case errors.Is(err, context.Canceled): // the client has disconnected and does not read this
		return unavailable(http.StatusServiceUnavailable, auth.UnavailableRetry, "The request was cancelled.")
	}
	s.log.ErrorContext(ctx, "internal error", "id", request.From(ctx).ID, "err", err)
	return &failure{status: http.StatusInternalServerError, Code: codeServerError, Description: "The server failed to process the request."}
}

// fail sends the failure for err.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	f := s.failureOf(r.Context(), err)
	if f.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth"`) // RFC 7617 §2 requires a realm
	}
	f.write(w, r)
}

func (f *failure) write(w http.ResponseWriter, r *http.Request) {
	outcome := request.OutcomeOf(r.Context())
	outcome.Code, outcome.RetryAfter = f.Code, f.retryAfter
	if f.allow != "" {
		w.Header().Set("Allow", f.allow)
	}
	writeJSON(w, f.status, f)
}

// writeJSON sends a response that must not be cached. A nil body sends none. It ignores write errors, which mean
// that the client has disconnected.
func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
