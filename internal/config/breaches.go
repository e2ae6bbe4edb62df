package config

import (
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Breaches are the settings for lists of breached passwords. They are part of Passwords.
type Breaches struct {
	BreachesFile    string        `name:"breaches" environ:"USHER_BREACHES" placeholder:"FILE" example:"/var/lib/usher/breaches.bin" help:"File of breached passwords, which usher breaches build makes. New passwords that are in it are rejected, and a sign-in with one reports it. It is read at start and at SIGHUP. A list of the 100,000 most common passwords is built in."`
	BreachesURL     string        `name:"breaches-url" environ:"USHER_BREACHES_URL" placeholder:"URL" example:"https://api.pwnedpasswords.com/range/" help:"URL of a service that lists breached passwords by the first 5 hexadecimal digits of their SHA-1 hashes. Usher sends these digits, and never a password or a whole hash. With --breaches, it asks only about passwords that the file seems to have."`
	BreachesTimeout time.Duration `name:"breaches-timeout" environ:"USHER_BREACHES_TIMEOUT" default:"1s" help:"How long to wait for the service, at most 10s."`
	BreachesOnError string        `name:"breaches-on-error" environ:"USHER_BREACHES_ON_ERROR" default:"accept" enum:"accept,reject" help:"What happens to a new password while the service does not answer or the file cannot be read. With accept, only the other rules apply. With reject, the request fails and can be repeated. A sign-in never fails for this reason."`
}

// Validate reports every invalid setting. The file is checked when it is opened.
func (b *Breaches) Validate() error {
	var errs []error
	if u, err := url.Parse(b.BreachesURL); b.BreachesURL != "" &&
		(err != nil || !isIssuer(b.BreachesURL) || u.Scheme != "https" && !isLoopback(u.Hostname())) {
		errs = append(errs, errors.New("--breaches-url: must be an https URL such as https://api.pwnedpasswords.com/range/, without user, query or fragment"))
	}
	if b.BreachesTimeout <= 0 || b.BreachesTimeout > 10*time.Second {
		errs = append(errs, fmt.Errorf("--breaches-timeout: must be more than 0s and at most 10s, not %v", b.BreachesTimeout))
	}
	return errors.Join(errs...)
}
