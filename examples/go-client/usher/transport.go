package usher

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"sync"
)

// Transport sends requests to /graphql with the access token in its file. If the server rejects the
// token, Transport refreshes it and sends the request again. Requests that fail together share one refresh.
// This is safe for mutations too, because the server has rejected the request before doing anything.
type Transport struct {
	File File              // programs may share one
	Base http.RoundTripper // sends the requests; adds no token itself

	refreshing sync.Mutex
}

// RoundTrip implements [http.RoundTripper]. It fails with [ErrSignedOut] if the file has no
// tokens, or none that the server accepts.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	if r.GetBody == nil {
		return nil, errors.New("usher: a request's body must be one that can be sent twice")
	}
	held, err := t.File.Load()
	if err != nil {
		return nil, err
	}
	response, reason, err := t.send(r, held)
	if err == nil && reason.refreshable() {
		if held, err = t.renew(r.Context(), held.AccessToken); err == nil {
			response, reason, err = t.send(r, held)
		}
	}
	if err != nil {
		return nil, err
	}
	if reason != "" && !reason.refreshable() { // the session has ended, or the account is disabled
		err = t.forget(held.AccessToken)
	}
	return response, err
}

// send sends a request and returns the response. The reason is that of an UNAUTHENTICATED error, or empty.
func (t *Transport) send(r *http.Request, held Credentials) (*http.Response, Reason, error) {
	if r.URL.String() != held.Server+"/graphql" {
		return nil, "", errors.New("usher: the tokens are for another server")
	}
	body, err := r.GetBody()
	if err != nil {
		return nil, "", err
	}
	r = r.Clone(r.Context()) // a RoundTripper must not modify its request
	r.Body = body
	r.Header.Set("Authorization", "Bearer "+held.AccessToken)
	response, err := t.Base.RoundTrip(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, "", err
	}
	response.Body = io.NopCloser(bytes.NewReader(raw))
	var answer struct{ Errors []struct{ Extensions Error } }
	if json.Unmarshal(raw, &answer) != nil {
		return response, "", nil // not from Usher, but from a proxy before it
	}
	for _, e := range answer.Errors {
		if e.Extensions.Code == Unauthenticated {
			return response, e.Extensions.Reason, nil
		}
	}
	return response, "", nil
}

// renew returns credentials whose access token is newer than the refused one. Requests that wait for
// the lock find the new one when they get it. Two programs that share the file may both refresh: the
// server gives them the same refresh token, as long as neither has used that.
func (t *Transport) renew(ctx context.Context, refused string) (Credentials, error) {
	t.refreshing.Lock()
	defer t.refreshing.Unlock()
	held, err := t.File.Load()
	if err != nil || held.AccessToken != refused {
		return held, err
	}
	answer, err := Refresh(ctx, newClient(held.Server, t.Base), held.RefreshToken)
	if errors.Is(err, ErrSignedOut) {
		return Credentials{}, errors.Join(err, t.File.SignOut())
	}
	if err != nil {
		return Credentials{}, err
	}
	held.AccessToken, held.RefreshToken = answer.Refresh.AccessToken, answer.Refresh.RefreshToken
	return held, t.File.Save(held)
}

// forget removes the credentials, unless the user has signed in again meanwhile.
func (t *Transport) forget(accessToken string) error {
	t.refreshing.Lock()
	defer t.refreshing.Unlock()
	if held, err := t.File.Load(); err != nil || held.AccessToken != accessToken {
		return nil
	}
	return t.File.SignOut()
}
