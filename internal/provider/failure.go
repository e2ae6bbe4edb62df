package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"

	"golang.org/x/oauth2"
)

// refused and unavailable return errors with a reason for the log. The reason quotes nothing that was received.
func refused(reason string) error     { return fmt.Errorf("%w: %s", ErrRefused, reason) }
func unavailable(reason string) error { return fmt.Errorf("%w: %s", ErrUnavailable, reason) }

// classified reports whether an error has its kind already.
func classified(err error) bool {
	return errors.Is(err, ErrRefused) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrDomain)
}

// classify returns an error of this package for one of a library. What it does not know gets the error otherwise: the texts of
// libraries quote what they have received, such as the body of a token response.
func classify(err, otherwise error) error {
	if own := new(requestError); errors.As(err, &own) {
		return own.error // without the URL that http.Client adds
	}
	switch {
	case classified(err):
		return err
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%w: no answer in time: %w", ErrUnavailable, context.DeadlineExceeded)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("%w: %w", ErrUnavailable, context.Canceled)
	}
	return otherwise
}

// requestError is the error of a request, as the transport returns it.
type requestError struct{ error }

func (e *requestError) Unwrap() error { return e.error }

// networkError classifies an error of a connection.
func networkError(err error) error {
	if e := new(addressError); errors.As(err, &e) {
		return fmt.Errorf("%w: %w", ErrUnavailable, e)
	}
	if e := new(tls.CertificateVerificationError); errors.As(err, &e) {
		return unavailable("its certificate is not valid")
	}
	err = classify(err, err)
	if classified(err) {
		return err
	}
	if e := new(net.OpError); errors.As(err, &e) {
		return fmt.Errorf("%w: %w", ErrUnavailable, e)
	}
	return unavailable("the connection does not carry HTTP, or was lost")
}

// tokenErrors are the error codes that an error may quote. They tell the operator what is set wrong (RFC 6749 §5.2, and GitHub's).
var tokenErrors = []string{
	"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
	"incorrect_client_credentials", "redirect_uri_mismatch", "bad_verification_code", "unverified_user_email",
}

// tokenError classifies an error of the token endpoint.
func tokenError(err error) error {
	e := new(oauth2.RetrieveError)
	if !errors.As(err, &e) {
		return classify(err, refused("the answer of the token endpoint is not valid"))
	}
	if slices.Contains(tokenErrors, e.ErrorCode) {
		return refused("the token endpoint answers " + e.ErrorCode)
	}
	return refused(fmt.Sprintf("the token endpoint answers with an error and status %d", e.Response.StatusCode))
}
