package mail

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net"
	"slices"
	"strings"
)

// LookupTXT returns the TXT records of a name in DNS. net.Resolver has it.
type LookupTXT func(ctx context.Context, name string) ([]string, error)

// The errors of CheckDKIM.
var (
	// ErrDKIMUnknown means that DNS did not answer, so nothing is known.
	ErrDKIMUnknown = errors.New("DNS does not answer")
	errDKIMKey     = errors.New("the record has another key")
)

// CheckDKIM compares the key that signs mails with the one that is published in DNS (RFC 6376 §3.6.1 and RFC 8463 §4). It
// returns the name of the record, or "" if mails are not signed.
func (m *Mailer) CheckDKIM(ctx context.Context, lookup LookupTXT) (name string, err error) {
	if m.dkim == nil {
		return "", nil
	}
	name = m.dkim.Selector + "._domainkey." + m.dkim.Domain
	records, err := lookup(ctx, name)
	if missing, ok := errors.AsType[*net.DNSError](err); ok && missing.IsNotFound {
		return name, errors.New("there is no record")
	}
	if err != nil {
		return name, ErrDKIMUnknown
	}
	if slices.ContainsFunc(records, m.dkim.published) {
		return name, nil
	}
	return name, errDKIMKey
}

// published reports whether a record has the public key.
func (k *dkimKey) published(record string) bool {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(record, ";") {
		name, value, _ := strings.Cut(tag, "=")
		tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(value), "")
	}
	der, err := base64.StdEncoding.DecodeString(tags["p"])
	if err != nil || len(der) == 0 || tags["v"] != "" && tags["v"] != "DKIM1" {
		return false
	}
	switch public := k.key.Public().(type) {
	case ed25519.PublicKey:
		return tags["k"] == "ed25519" && bytes.Equal(der, public)
	case *rsa.PublicKey:
		if tags["k"] != "" && tags["k"] != "rsa" {
			return false
		}
		if parsed, err := x509.ParsePKIXPublicKey(der); err == nil {
			return public.Equal(parsed)
		}
		parsed, err := x509.ParsePKCS1PublicKey(der)
		return err == nil && public.Equal(parsed)
	}
	return false
}

// DKIMRecord returns the record to publish for the key that signs mails; empty if they are not signed.
func (m *Mailer) DKIMRecord() string {
	if m.dkim == nil {
		return ""
	}
	switch public := m.dkim.key.Public().(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(public)
	case *rsa.PublicKey:
		der, err := x509.MarshalPKIXPublicKey(public)
		if err != nil {
			return ""
		}
		return "v=DKIM1; k=rsa; p=" + base64.StdEncoding.EncodeToString(der)
	}
	return ""
}
