package passkey

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
)

// ceremony is what the server keeps between a question and its answer.
type ceremony struct {
	Kind         protocol.CeremonyType `json:"kind"`
	Challenge    []byte                `json:"challenge"`
	Handle       []byte                `json:"handle,omitempty"`       // of the user of a registration
	Allow        [][]byte              `json:"allow,omitempty"`        // credential ids. Without any, all are allowed.
	Verification bool                  `json:"verification,omitempty"` // of the user is required
}

// begin returns a ceremony with a new challenge of 32 bytes.
func begin(kind protocol.CeremonyType) (ceremony, error) {
	challenge, err := protocol.CreateChallenge()
	if err != nil {
		return ceremony{}, fmt.Errorf("passkey: %w", err)
	}
	return ceremony{Kind: kind, Challenge: challenge}, nil
}

// encode returns the options for the browser and the state for the server.
func (c ceremony) encode(options any) (optionsJSON, state []byte, err error) {
	if optionsJSON, err = json.Marshal(options); err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	if state, err = json.Marshal(c); err != nil {
		return nil, nil, fmt.Errorf("passkey: %w", err)
	}
	return optionsJSON, state, nil
}

// resume reads a state.
func resume(state []byte, kind protocol.CeremonyType) (ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(state, &c); err != nil {
		return ceremony{}, fmt.Errorf("passkey: the state is damaged: %w", err)
	}
	if len(c.Challenge) != protocol.DefaultChallengeLength {
		return ceremony{}, errors.New("passkey: the state has no challenge")
	}
	if c.Kind != kind {
		return ceremony{}, invalid("the state of another kind of ceremony")
	}
	return c, nil
}

// challenge is the challenge as browsers write it.
func (c ceremony) challenge() string { return protocol.URLEncodedBase64(c.Challenge).String() }

// rejected is the error of a response that the library rejected. Of the library's errors only Details may be shown:
// the other fields, and errors of other types, quote the response.
func rejected(err error) error {
	var e *protocol.Error
	switch {
	case !errors.As(err, &e):
		return invalid("not readable")
	case e.Type == protocol.ErrAssertionSignature.Type:
		return invalid("wrong signature")
	default:
		return invalid(e.Details)
	}
}
