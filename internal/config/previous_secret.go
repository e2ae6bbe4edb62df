package config

import "errors"

// PreviousSecret are the settings of the secret that the server accepts besides its current one. They are part of Keys.
type PreviousSecret struct {
	PreviousKey     Secret `name:"secret-key-previous" environ:"USHER_SECRET_KEY_PREVIOUS" hidden:"" help:"A second secret, which the server accepts but does not use for anything new. With it the secret can be changed without signing anybody out: see docs/secret-rotation.md. It can be set here or in a file."`
	PreviousKeyFile string `name:"secret-key-previous-file" environ:"USHER_SECRET_KEY_PREVIOUS_FILE" placeholder:"FILE" example:"/run/secrets/usher-previous" help:"File that contains the second secret. Alternatively, set the secret itself in $USHER_SECRET_KEY_PREVIOUS. There is no flag for it."`
}

// Validate reports every invalid setting. The secrets are compared when the file has been read.
func (p *PreviousSecret) Validate() error {
	if !p.PreviousKey.IsZero() && p.PreviousKeyFile != "" {
		return errors.New("--secret-key-previous-file: $USHER_SECRET_KEY_PREVIOUS is set too, and the server accepts only one previous secret; remove one of them")
	}
	return nil
}

// Previous returns the second secret, or a zero Secret if there is none.
func (p *PreviousSecret) Previous() (Secret, error) {
	if p.PreviousKeyFile == "" {
		return p.PreviousKey, nil
	}
	return readSecret(p.PreviousKeyFile)
}
