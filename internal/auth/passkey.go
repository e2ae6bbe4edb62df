package auth

import (
	"time"

	"usher/internal/jsonobject"
)

// PasskeyRequest asks a browser for a passkey, or to create one.
type PasskeyRequest struct {
	// Challenge identifies the request. It can be used once.
	Challenge string
	// Options are JSON for the browser: the PublicKeyCredentialRequestOptionsJSON or the PublicKeyCredentialCreationOptionsJSON
	// of WebAuthn Level 3 §5.1.9 and §5.1.10.
	Options   jsonobject.Object
	ExpiresIn time.Duration
}

// Seconds is ExpiresIn in seconds.
func (r *PasskeyRequest) Seconds() int { return int(r.ExpiresIn / time.Second) }

// PasskeyResponse is what a browser answers to a PasskeyRequest.
type PasskeyResponse struct {
	// Challenge is that of the request.
	Challenge string
	// Response is the RegistrationResponseJSON or the AuthenticationResponseJSON of WebAuthn Level 3 §5.1.
	Response jsonobject.Object
}
