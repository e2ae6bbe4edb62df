package provider

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"

	"usher/internal/jsonobject"
)

const (
	// maxSettings bounds the text of all providers in bytes.
	maxSettings = 256 << 10
	// maxProviders bounds their number.
	maxProviders = 100
)

// Parse reads the JSON list of USHER_PROVIDERS: objects with the fields of [Settings], whose names begin in lower case. It fills in
// the defaults. The error names all problems, each with the id of its provider, and quotes no value.
func Parse(text []byte) ([]Settings, error) {
	if text = bytes.TrimSpace(text); !bytes.HasPrefix(text, []byte("[")) || len(text) > maxSettings {
		return nil, fmt.Errorf("providers: not a JSON list of at most %d KiB", maxSettings>>10)
	}
	const name = "providers" // of the object around the list: Read reads objects only
	object, err := jsonobject.Read(slices.Concat([]byte(`{"`+name+`":`), text, []byte("}")))
	if err != nil || len(object) != 1 {
		return nil, errors.Join(errors.New("providers: not a valid JSON list"), err)
	}
	entries, _ := object[name].([]any)
	list := make([]Settings, len(entries))
	var problems []error
	for i, entry := range entries {
		members, ok := entry.(map[string]any)
		if !ok {
			problems = append(problems, fmt.Errorf("provider %d: not an object", i+1))
			continue
		}
		f := &fields{members: members}
		list[i] = f.settings()
		for _, problem := range f.problems {
			problems = append(problems, fmt.Errorf("%s: %s", label(list[i].ID, i), problem))
		}
	}
	if len(problems) == 0 {
		list, problems = complete(list)
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return list, nil
}

// label names a provider in an error: by its id, or else by its place.
func label(id string, i int) string {
	if validID.MatchString(id) {
		return "provider " + id
	}
	return fmt.Sprintf("provider %d", i+1)
}

// fields reads the members of an object, and takes out those that it has read.
type fields struct {
	members  map[string]any
	problems []string
}

func (f *fields) settings() Settings {
	var s Settings
	for name, into := range map[string]*string{
		"id": &s.ID, "name": &s.Name, "type": &s.Type, "issuer": &s.Issuer, "clientId": &s.ClientID, "clientSecretFile": &s.ClientSecretFile,
		"authorizationEndpoint": &s.AuthorizationEndpoint, "tokenEndpoint": &s.TokenEndpoint, "userinfoEndpoint": &s.UserinfoEndpoint,
		"emailsEndpoint": &s.EmailsEndpoint, "teamId": &s.TeamID, "keyId": &s.KeyID, "privateKeyFile": &s.PrivateKeyFile,
	} {
		read(f, name, "text", into)
	}
	for name, into := range map[string]*bool{
		"trustEmail": &s.TrustEmail, "linkByEmail": &s.LinkByEmail, "allowPrivateAddresses": &s.AllowPrivateAddresses,
	} {
		read(f, name, "true or false", into)
	}
	if _, has := f.members["signup"]; has {
		s.Signup = new(bool)
		read(f, "signup", "true or false", s.Signup)
	}
	for name, into := range map[string]*[]string{
		"scopes": &s.Scopes, "hostedDomains": &s.HostedDomains, "audiences": &s.Audiences, "trustedAcr": &s.TrustedACR,
		"trustedAmr": &s.TrustedAMR, "tenants": &s.Tenants,
	} {
		f.list(name, into)
	}
	f.object("claims", func(claims *fields) {
		for name, into := range map[string]*string{
			"subject": &s.Claims.Subject, "email": &s.Claims.Email, "emailVerified": &s.Claims.EmailVerified, "name": &s.Claims.Name,
			"locale": &s.Claims.Locale,
		} {
			read(claims, name, "text", into)
		}
	})
	f.object("parameters", func(parameters *fields) {
		s.Parameters = map[string]string{}
		for _, name := range slices.Collect(maps.Keys(parameters.members)) {
			var value string
			read(parameters, name, "text", &value)
			s.Parameters[name] = value
		}
	})
	f.end("")
	return s
}

// read reads a member of a type. Without one it does nothing.
func read[T any](f *fields, name, what string, into *T) {
	value, has := f.members[name]
	if !has {
		return
	}
	delete(f.members, name)
	typed, ok := value.(T)
	if !ok {
		f.problems = append(f.problems, fmt.Sprintf("%.40q must be %s", name, what))
		return
	}
	*into = typed
}

func (f *fields) list(name string, into *[]string) {
	var values []any
	read(f, name, "a list of texts", &values)
	for _, value := range values {
		text, ok := value.(string)
		if !ok {
			f.problems = append(f.problems, fmt.Sprintf("%q must be a list of texts", name))
			return
		}
		*into = append(*into, text)
	}
}

func (f *fields) object(name string, with func(*fields)) {
	var members map[string]any
	if read(f, name, "an object", &members); members == nil {
		return
	}
	inner := &fields{members: members}
	with(inner)
	inner.end(name + ".")
	f.problems = append(f.problems, inner.problems...)
}

// end reports the members that nothing has read, and sorts the problems.
func (f *fields) end(prefix string) {
	for name := range f.members {
		f.problems = append(f.problems, fmt.Sprintf("%s%.40q is not known", prefix, name))
	}
	slices.Sort(f.problems)
}
