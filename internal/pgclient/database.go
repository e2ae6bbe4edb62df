package pgclient

import (
	"errors"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Database is where a program connects to.
type Database struct {
	url string   // without a password
	env []string // what the program gets beyond the environment of this process
}

// known are the parameters of a URL that libpq has. pgx passes all others to the server as settings, and knows some of
// its own.
var known = []string{
	"application_name", "channel_binding", "client_encoding", "connect_timeout", "dbname", "fallback_application_name",
	"gssdelegation", "gssencmode", "gsslib", "host", "hostaddr", "keepalives", "keepalives_count", "keepalives_idle",
	"keepalives_interval", "krbsrvname", "load_balance_hosts", "max_protocol_version", "min_protocol_version", "options",
	"passfile", "port", "require_auth", "requirepeer", "service", "ssl_max_protocol_version", "ssl_min_protocol_version",
	"sslcert", "sslcertmode", "sslcrl", "sslcrldir", "sslkey", "sslmode", "sslnegotiation", "sslrootcert", "sslsni",
	"target_session_attrs", "tcp_user_timeout", "user",
}

// own are the parameters that only pgx has.
var own = []string{
	"default_query_exec_mode", "description_cache_capacity", "min_read_buffer_size", "servicefile", "statement_cache_capacity",
}

// NewDatabase returns the database at a URL that pgx accepts. The password is the one that pgx uses for it.
func NewDatabase(at, password string) (*Database, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, errors.New("the database URL is not valid") // the error may contain a password
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	d := &Database{env: []string{"PGAPPNAME=usher backup", "PGTARGETSESSIONATTRS=read-write"}}
	if attrs := os.Getenv("PGTARGETSESSIONATTRS"); attrs != "" {
		d.env[1] = "PGTARGETSESSIONATTRS=" + attrs
	}
	options := []string{os.Getenv("PGOPTIONS")}
	query := u.Query()
	for name, values := range query {
		value := values[len(values)-1]
		switch {
		case name == "sslpassword":
			return nil, errors.New("the database URL has sslpassword, which cannot be passed to pg_dump safely: use a key file without a password")
		case name == "servicefile":
			d.env = append(d.env, "PGSERVICEFILE="+value)
		case name == "password" || slices.Contains(own, name):
		case slices.Contains(known, name):
			continue
		default: // a setting of the server
			options = append(options, "-c "+name+"="+escapeOption.Replace(value))
		}
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	d.url = u.String()
	if password != "" {
		d.env = append(d.env, "PGPASSWORD="+password)
	}
	d.env = append(d.env, "PGOPTIONS="+strings.TrimSpace(strings.Join(options, " ")))
	return d, nil
}

// escapeOption escapes a value in PGOPTIONS.
var escapeOption = strings.NewReplacer(`\`, `\\`, " ", `\ `, "\t", "\\\t")

// environ is the environment of a program: that of this process, without the secrets of Usher.
func (d *Database) environ() []string {
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		return strings.HasPrefix(entry, "USHER_") || strings.HasPrefix(entry, "SECRET_KEY=") || strings.HasPrefix(entry, "DATABASE_URL=")
	})
	return append(env, d.env...)
}
