package mail

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"

	"github.com/emersion/go-msgauth/dkim"
	gomail "github.com/wneessen/go-mail"
)

// DKIM are the options of DKIM signatures (RFC 6376). Without KeyFile there are none.
type DKIM struct {
	// KeyFile is a file with an RSA or Ed25519 key in PEM: PKCS #8, or PKCS #1 for RSA.
	KeyFile string
	// Selector and Domain name the DNS record of the public key: SELECTOR._domainkey.DOMAIN.
	Selector, Domain string
}

type dkimKey struct {
	DKIM
	key crypto.Signer
}

var isDNSName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// read returns the key, or nil if there is none.
func (d DKIM) read() (*dkimKey, error) {
	if d.KeyFile == "" {
		return nil, nil
	}
	if !isDNSName.MatchString(d.Selector) || !isDNSName.MatchString(d.Domain) {
		return nil, errors.New("DKIM: the selector and the domain must be names in DNS")
	}
	pem, err := os.ReadFile(d.KeyFile)
	if err != nil {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err
		}
		return nil, fmt.Errorf("DKIM: the key %q cannot be read: %w", d.KeyFile, err)
	}
	key, err := gomail.PrivKeyFromPEM(pem)
	if err != nil { // the error may quote the key
		return nil, fmt.Errorf("DKIM: %q must contain an RSA or Ed25519 private key in PEM", d.KeyFile)
	}
	return &dkimKey{d, key}, nil
}

// signedFields are the header fields that a signature covers. A name that is listed once more than it occurs makes
// the signature invalid if somebody adds such a field (RFC 6376 §5.4.2 and §8.15).
var signedFields = []string{
	"From", "From", "To", "To", "Reply-To", "Reply-To", "Subject", "Subject", "Date", "Date", "Message-ID", "Message-ID",
	"MIME-Version", "MIME-Version", "Content-Type", "Content-Type", "Content-Language", "Auto-Submitted",
}

// sign returns the mail with its signature. go-mail can sign too, but it folds a long list of fields within a name,
// and other software then finds the signature invalid.
func (k *dkimKey) sign(raw []byte) ([]byte, error) {
	var signed bytes.Buffer
	err := dkim.Sign(&signed, bytes.NewReader(raw), &dkim.SignOptions{
		Domain: k.Domain, Selector: k.Selector, Signer: k.key, HeaderKeys: signedFields,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
	})
	return signed.Bytes(), err
}
