package passkey

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
)

// Login asks a browser for a passkey out of a list. Without a list it asks for any passkey of the site, and the
// response names the user. verification requires that the authenticator verifies its user, by a PIN or a fingerprint
// for example. A passkey that is the only factor needs it. Without it, an authenticator that cannot verify its user is
// also accepted. options is the PublicKeyCredentialRequestOptionsJSON of §5.1.10. Verify takes the state.
func (p *Party) Login(allow []Credential, verification bool) (options, state []byte, err error) {
	c, err := begin(protocol.AssertCeremony)
	if err != nil {
		return nil, nil, err
	}
	c.Verification = verification
	for _, credential := range allow {
		c.Allow = append(c.Allow, credential.ID)
	}
	requirement := protocol.VerificationPreferred
	if verification {
		requirement = protocol.VerificationRequired
	}
	return c.encode(protocol.PublicKeyCredentialRequestOptions{
		Challenge:          c.Challenge,
		Timeout:            int(Timeout.Milliseconds()),
		RelyingPartyID:     p.id,
		AllowedCredentials: descriptors(allow),
		UserVerification:   requirement,
	})
}

// Assertion is what a valid response to a Login proves.
type Assertion struct {
	// UserVerified tells that the authenticator verified its user. Without it, the response proves possession only.
	UserVerified bool

	// Credential is the credential with its new counter and flags, to store.
	Credential Credential
}

// Verify verifies the response to a Login (§7.2). The caller passes the stored credential with the id that CredentialID
// returns, and the handle of the user whose credential it is. The error is ErrResponse, ErrVerification or ErrCounter,
// or another one when the state is damaged.
func (p *Party) Verify(state []byte, credential Credential, handle []byte, responseJSON string) (Assertion, error) {
	c, err := resume(state, protocol.AssertCeremony)
	if err != nil {
		return Assertion{}, err
	}
	r, err := readResponse(responseJSON)
	if err != nil {
		return Assertion{}, err
	}
	parsed, err := r.assertion()
	if err != nil {
		return Assertion{}, err
	}
	if err := c.owns(credential, handle, r.id, parsed.Response.UserHandle); err != nil {
		return Assertion{}, err
	}
	if !slices.Contains(p.origins, parsed.Response.CollectedClientData.Origin) {
		return Assertion{}, invalid("origin not allowed")
	}
	if err := parsed.Verify(c.challenge(), p.id, "", p.origins, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, c.Verification, true, credential.PublicKey, protocol.SignaturePolicy{}); err != nil {
		return Assertion{}, rejected(err)
	}
	authenticator := parsed.Response.AuthenticatorData
	flags := authenticator.Flags
	if flags.HasBackupState() && !flags.HasBackupEligible() {
		return Assertion{}, invalid("backed up, but not eligible for it")
	}
	if stored := credential.SignCount; (stored != 0 || authenticator.Counter != 0) && authenticator.Counter <= stored {
		return Assertion{}, &failure{ErrCounter, fmt.Errorf("%d after %d", authenticator.Counter, stored)}
	}
	credential.SignCount = authenticator.Counter
	// The eligibility for backup should never change, and go-webauthn's own sign-in rejects it (§7.2 step 19, for parties
	// whose rules depend on backups). But it does change where a password manager registers a passkey before it begins to sync.
	// A rejection would take these passkeys from their owners. Nothing here depends on the flag, so the new one is kept.
	credential.BackupEligible = flags.HasBackupEligible()
	credential.BackedUp = flags.HasBackupState()
	return Assertion{UserVerified: flags.HasUserVerified(), Credential: credential}, nil
}

// owns checks that a response is of the credential, that the ceremony allows it and that the user is its owner
// (§7.2 steps 5 and 6). A response with a list needs no user handle: the caller knew the user before.
func (c ceremony) owns(credential Credential, handle, id, responseHandle []byte) error {
	if !bytes.Equal(credential.ID, id) {
		return invalid("the response of another credential")
	}
	if len(c.Allow) > 0 && !slices.ContainsFunc(c.Allow, func(allowed []byte) bool { return bytes.Equal(allowed, id) }) {
		return invalid("credential not allowed")
	}
	if len(responseHandle) == 0 {
		if len(c.Allow) == 0 {
			return invalid("no user handle")
		}
		return nil
	}
	if subtle.ConstantTimeCompare(responseHandle, handle) != 1 {
		return invalid("the user handle of another user")
	}
	return nil
}

// assertion reads the response of an authenticator (§5.2.2).
func (r response) assertion() (*protocol.ParsedCredentialAssertionData, error) {
	doc, data, err := r.clientData()
	if err != nil {
		return nil, err
	}
	authenticator, err := r.members.bytes("authenticatorData")
	if err != nil {
		return nil, err
	}
	signature, err := r.members.bytes("signature")
	if err != nil {
		return nil, err
	}
	handle, err := r.handle()
	if err != nil {
		return nil, err
	}
	parsed := &protocol.ParsedCredentialAssertionData{Response: protocol.ParsedAssertionResponse{
		CollectedClientData: data, Signature: signature, UserHandle: handle,
	}}
	if err := parsed.Response.AuthenticatorData.Unmarshal(authenticator); err != nil {
		return nil, malformed("authenticatorData is not of its form")
	}
	parsed.Raw.AssertionResponse.ClientDataJSON = doc
	parsed.Raw.AssertionResponse.AuthenticatorData = authenticator
	return parsed, nil
}
