package passkey

import (
	"bytes"
	"crypto/subtle"
	"fmt"
	"math/big"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/google/uuid"
)

// algorithms are the kinds of keys that are accepted, the preferred first. With these three every authenticator can
// create one (§5.4, pubKeyCredParams).
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Registration asks a browser to create a passkey, on no authenticator that has one of the excluded. options is the
// PublicKeyCredentialCreationOptionsJSON of §5.1.9. Register takes the state.
func (p *Party) Registration(user User, exclude []Credential) (options, state []byte, err error) {
	if n := len(user.Handle); n < minHandle || n > maxHandle {
		return nil, nil, fmt.Errorf("passkey: the user handle has %d bytes instead of %d to %d", n, minHandle, maxHandle)
	}
	c, err := begin(protocol.CreateCeremony)
	if err != nil {
		return nil, nil, err
	}
	c.Handle = user.Handle
	return c.encode(protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{
			ID: p.id, CredentialEntity: protocol.CredentialEntity{Name: p.name},
		},
		User: protocol.UserEntity{
			ID:               protocol.URLEncodedBase64(user.Handle),
			CredentialEntity: protocol.CredentialEntity{Name: user.Name},
			DisplayName:      user.DisplayName,
		},
		Challenge:             c.Challenge,
		Parameters:            algorithms,
		Timeout:               int(Timeout.Milliseconds()),
		CredentialExcludeList: descriptors(exclude),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyRequired(), // what browsers of Level 1 read
			ResidentKey:        protocol.ResidentKeyRequirementRequired,
			UserVerification:   protocol.VerificationRequired,
		},
		Attestation: protocol.PreferNoAttestation,
		Extensions:  protocol.AuthenticationExtensions{CredProps: true},
	})
}

// Register verifies the response to a Registration for the user with the handle (§7.1) and returns the new credential.
// The caller checks that no user has its id yet. The error is ErrResponse or ErrVerification, or another one when the
// state is damaged.
func (p *Party) Register(state, handle []byte, responseJSON string) (Credential, error) {
	c, err := resume(state, protocol.CreateCeremony)
	if err != nil {
		return Credential{}, err
	}
	if subtle.ConstantTimeCompare(c.Handle, handle) != 1 {
		return Credential{}, invalid("the registration of another user")
	}
	r, err := readResponse(responseJSON)
	if err != nil {
		return Credential{}, err
	}
	doc, data, err := r.clientData()
	if err != nil {
		return Credential{}, err
	}
	attestation, err := r.attestation()
	if err != nil {
		return Credential{}, err
	}
	if !slices.Contains(p.origins, data.Origin) {
		return Credential{}, invalid("origin not allowed")
	}
	authenticator := attestation.AuthData
	flags := authenticator.Flags
	if flags.HasBackupState() && !flags.HasBackupEligible() {
		return Credential{}, invalid("backed up, but not eligible for it")
	}
	if err := checkKey(authenticator.AttData.CredentialPublicKey); err != nil {
		return Credential{}, err
	}
	parsed := protocol.ParsedCredentialCreationData{
		ParsedPublicKeyCredential: protocol.ParsedPublicKeyCredential{RawID: r.id},
		Response:                  protocol.ParsedAttestationResponse{CollectedClientData: data, AttestationObject: attestation},
	}
	parsed.Raw.AttestationResponse.ClientDataJSON = doc
	if _, err := parsed.Verify(c.challenge(), p.id, p.origins, nil, nil, protocol.TopOriginExplicitVerificationMode,
		false, true, true, nil, algorithms, protocol.AttestationPolicy{}, protocol.SignaturePolicy{}); err != nil {
		return Credential{}, rejected(err)
	}
	return Credential{
		ID:             bytes.Clone(r.id),
		PublicKey:      bytes.Clone(authenticator.AttData.CredentialPublicKey),
		SignCount:      authenticator.Counter,
		Transports:     r.transports(),
		BackupEligible: flags.HasBackupEligible(),
		BackedUp:       flags.HasBackupState(),
		AAGUID:         uuid.UUID(authenticator.AttData.AAGUID),
		Discoverable:   r.discoverable(),
	}, nil
}

// attestation reads the attestation object (§6.5.4) without its statement.
func (r response) attestation() (protocol.AttestationObject, error) {
	encoded, err := r.members.bytes("attestationObject")
	if err != nil {
		return protocol.AttestationObject{}, err
	}
	var o protocol.AttestationObject
	if err := webauthncbor.Unmarshal(encoded, &o); err != nil {
		return o, malformed("attestationObject is not CBOR of its form")
	}
	o.Format, o.AttStatement, o.SubStatements = string(protocol.AttestationFormatNone), nil, nil
	if err := o.AuthData.Unmarshal(o.RawAuthData); err != nil {
		return o, malformed("authData is not of its form")
	}
	if !o.AuthData.Flags.HasAttestedCredentialData() {
		return o, malformed("authData has no credential")
	}
	return o, nil
}

// checkKey checks that signatures can be verified with a public key, because without attestation the library does not
// read it. The type of the key must fit its algorithm (§5.8.5), which the library leaves to each type.
func checkKey(cose []byte) error {
	if len(cose) > maxPublicKey {
		return invalid("public key too long")
	}
	key, err := webauthncose.ParsePublicKey(cose)
	if err != nil {
		return invalid("public key not supported")
	}
	var algorithm, fits int64
	switch key := key.(type) {
	case webauthncose.EC2PublicKeyData:
		algorithm, fits = key.Algorithm, int64(webauthncose.AlgES256)
	case webauthncose.OKPPublicKeyData:
		algorithm, fits = key.Algorithm, int64(webauthncose.AlgEdDSA)
	case webauthncose.RSAPublicKeyData:
		algorithm, fits = key.Algorithm, int64(webauthncose.AlgRS256)
		// The lower bound is that of NIST SP 800-131A, the upper one keeps verification cheap.
		if bits := new(big.Int).SetBytes(key.Modulus).BitLen(); bits < 2048 || bits > 4096 {
			return invalid("RSA key of less than 2048 or more than 4096 bits")
		}
	}
	if algorithm == 0 || algorithm != fits {
		return invalid("public key of another algorithm")
	}
	return nil
}

// known are the transports of §5.8.4, in alphabetical order. Others are left out: they are only hints.
var known = []string{"ble", "hybrid", "internal", "nfc", "smart-card", "usb"}

func (r response) transports() []string {
	list, _ := r.members["transports"].([]any)
	var transports []string
	for _, transport := range known {
		if slices.Contains(list, any(transport)) {
			transports = append(transports, transport)
		}
	}
	return transports
}

// discoverable returns what the browser reports in the extension credProps.
func (r response) discoverable() *bool {
	properties, _ := r.results["credProps"].(map[string]any)
	if discoverable, ok := properties["rk"].(bool); ok {
		return &discoverable
	}
	return nil
}
