package passkey

import (
	"bytes"
	"encoding/base64"

	"github.com/go-webauthn/webauthn/protocol"

	"usher/internal/jsonobject"
)

// object is a JSON object with its members by their exact names. encoding/json would also take other spellings of them.
type object map[string]any

// readObject reads a JSON object. The cause of its error is fixed, because the text may be anything.
func readObject(doc []byte, what string) (object, error) {
	members, err := jsonobject.Read(doc)
	if err != nil {
		return nil, malformed(what + ": " + err.Error())
	}
	return members, nil
}

func (o object) text(name string) (string, error) {
	text, ok := o[name].(string)
	if !ok {
		return "", malformed(name + " is not a string")
	}
	return text, nil
}

// bytes returns a Base64URLString (§5.1), which has no padding. Bytes have one spelling.
func (o object) bytes(name string) ([]byte, error) {
	text, err := o.text(name)
	if err != nil {
		return nil, err
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder ignores CR and LF, even when strict. The length reveals them.
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(decoded)) {
		return nil, malformed(name + " is not Base64url")
	}
	return decoded, nil
}

// response is what registrations and logins have in common (§5.1, RegistrationResponseJSON and
// AuthenticationResponseJSON). Members that are not needed are ignored.
type response struct {
	id      []byte
	members object // of its member "response"
	results object // of the client's extensions
}

func readResponse(text string) (response, error) {
	if len(text) > maxResponse {
		return response{}, malformed("longer than 16 KiB")
	}
	outer, err := readObject([]byte(text), "response")
	if err != nil {
		return response{}, err
	}
	if outer["type"] != string(protocol.PublicKeyCredentialType) {
		return response{}, malformed("type is not public-key")
	}
	id, err := outer.bytes("id")
	if err != nil {
		return response{}, err
	}
	rawID, err := outer.bytes("rawId")
	if err != nil {
		return response{}, err
	}
	if !bytes.Equal(id, rawID) {
		return response{}, malformed("id and rawId differ")
	}
	if len(id) == 0 || len(id) > maxID {
		return response{}, malformed("id has not 1 to 1023 bytes")
	}
	members, ok := outer["response"].(map[string]any)
	if !ok {
		return response{}, malformed("response is not an object")
	}
	results, _ := outer["clientExtensionResults"].(map[string]any)
	return response{id, members, results}, nil
}

// handle returns the user handle. Browsers leave it out when an authenticator has none, and older ones send null.
func (r response) handle() ([]byte, error) {
	if r.members["userHandle"] == nil {
		return nil, nil
	}
	handle, err := r.members.bytes("userHandle")
	if err != nil {
		return nil, err
	}
	if len(handle) > maxHandle {
		return nil, malformed("userHandle has more than 64 bytes")
	}
	return handle, nil
}

// clientData reads what the browser vouches for (§5.8.1). The bytes are returned as they were signed.
func (r response) clientData() (doc []byte, data protocol.CollectedClientData, err error) {
	if doc, err = r.members.bytes("clientDataJSON"); err != nil {
		return nil, data, err
	}
	members, err := readObject(doc, "clientDataJSON")
	if err != nil {
		return nil, data, err
	}
	kind, err := members.text("type")
	if err != nil {
		return nil, data, err
	}
	data.Type = protocol.CeremonyType(kind)
	if data.Challenge, err = members.text("challenge"); err != nil {
		return nil, data, err
	}
	if data.Origin, err = members.text("origin"); err != nil {
		return nil, data, err
	}
	if crossOrigin, ok := members["crossOrigin"]; ok {
		if data.CrossOrigin, ok = crossOrigin.(bool); !ok {
			return nil, data, malformed("crossOrigin is not a boolean")
		}
	}
	if _, ok := members["topOrigin"]; ok {
		if data.TopOrigin, err = members.text("topOrigin"); err != nil {
			return nil, data, err
		}
	}
	return doc, data, nil
}

// CredentialID reads from the response of a login the id of the credential, and the user handle if there is one.
// Nothing is verified. The error is ErrResponse.
func CredentialID(responseJSON string) (id, handle []byte, err error) {
	r, err := readResponse(responseJSON)
	if err != nil {
		return nil, nil, err
	}
	if handle, err = r.handle(); err != nil {
		return nil, nil, err
	}
	return r.id, handle, nil
}
