package mail

import (
	"encoding/base64"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strconv"
)

// Server is an SMTP server and how to sign in to it.
type Server struct {
	host, port string
	// tls says that TLS starts with the connection (RFC 8314 §3.3). Otherwise STARTTLS is required, except on
	// loopback, where the traffic leaves no machine.
	tls, loopback bool
	username      string
	password      func() string // a closure, which fmt cannot print; nil without a user
}

var errServer = errors.New("the URL of the SMTP server must be such as smtp://USER:PASSWORD@smtp.example.com:587 (STARTTLS) " +
	"or smtps://USER:PASSWORD@smtp.example.com:465 (TLS). Percent-encode special characters of the password")

// ParseServer parses the URL of a server. User and password are optional. The default port is 587 for smtp, and
// 465 for smtps. The error does not contain the URL.
func ParseServer(text string) (Server, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" || u.Opaque != "" ||
		u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return Server{}, errServer
	}
	s := Server{host: u.Hostname(), port: u.Port(), tls: u.Scheme == "smtps"}
	if s.port == "" {
		s.port = map[bool]string{false: "587", true: "465"}[s.tls]
	}
	if port, err := strconv.ParseUint(s.port, 10, 16); err != nil || port == 0 {
		return Server{}, errServer
	}
	if u.User != nil {
		password, _ := u.User.Password()
		s.username, s.password = u.User.Username(), func() string { return password }
		if s.username == "" || password == "" {
			return Server{}, errServer
		}
	}
	addr, err := netip.ParseAddr(s.host)
	s.loopback = s.host == "localhost" || err == nil && addr.IsLoopback()
	return s, nil
}

// String returns the host and the port.
func (s Server) String() string { return net.JoinHostPort(s.host, s.port) }

// secrets returns what must not be quoted from an answer of the server.
func (s Server) secrets() []string {
	if s.password == nil {
		return nil
	}
	password, encode := s.password(), base64.StdEncoding.EncodeToString
	return []string{password, encode([]byte(password)), encode([]byte("\x00" + s.username + "\x00" + password))}
}
