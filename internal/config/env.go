package config

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// Env is where settings come from that no flag gives: the environment, and below it a file. It is
// an option for kong, in place of kong's own env tags. Those would show the value of a variable in
// error messages, cannot tell a secret from a flag, and take an empty variable for a value, when
// container tools pass one for each that is not set.
type Env struct {
	process func(name string) (string, bool)
	path    string // of the file
	file    map[string]string
}

// ReadEnv returns the Env of the process, given os.LookupEnv, and of a file of NAME=value lines.
// A file that does not exist is empty. The error does not show what the file holds.
func ReadEnv(file string, process func(name string) (string, bool)) (Env, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Env{}, fmt.Errorf("settings: %w", err)
	}
	values, err := parseEnv(text)
	if err != nil {
		return Env{}, fmt.Errorf("settings: %s: %w", file, err)
	}
	if name := unknown(values); name != "" {
		return Env{}, fmt.Errorf("settings: %s: there is no setting %s", file, name)
	}
	return Env{process: process, path: file, file: values}, nil
}

// Warnings returns what is dangerous about the file, for the log of the start.
func (e Env) Warnings() []string {
	for _, s := range settings() {
		for _, name := range variables(s.Value) {
			value := e.file[name]
			secret := s.Target.Type() == reflect.TypeFor[Secret]() && value != ""
			if secret || s.Target.Type() == reflect.TypeFor[DatabaseURL]() && DatabaseURL(value).hasPassword() {
				return readableByOthers(e.path)
			}
		}
	}
	return nil
}

// unknown returns a name that looks like a setting's and is none: who wrote it would wonder why it
// has no effect. Only a file is asked for that. In the environment other programs leave names of
// this kind, such as Kubernetes for a service that is called usher.
func unknown(values map[string]string) string {
	known := map[string]bool{}
	for _, s := range settings() {
		for _, name := range variables(s.Value) {
			known[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if strings.HasPrefix(name, "USHER_") && !known[name] {
			return name
		}
	}
	return ""
}

// errNotEnv replaces the errors of godotenv, which quote the file.
var errNotEnv = errors.New("want lines of NAME=value, with the value in quotes if it has spaces, and nothing else")

var isVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func parseEnv(text []byte) (map[string]string, error) {
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		return nil, errNotEnv
	}
	for name := range values { // godotenv takes spaces, and nothing at all, for a name
		if !isVariable.MatchString(name) {
			return nil, errNotEnv
		}
	}
	return values, nil
}

// Apply implements kong.Option.
func (e Env) Apply(k *kong.Kong) error {
	return errors.Join(
		kong.Resolvers(kong.ResolverFunc(e.resolve)).Apply(k),
		kong.ValueFormatter(explain).Apply(k))
}

// resolve finds the value of a flag that the command line does not give.
func (e Env) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name, value := e.lookup(variables(flag.Value))
	switch {
	case value == "":
		return nil, nil
	case flag.Target.Type() == reflect.TypeFor[Secret]():
		return NewSecret(value), nil
	case strings.HasSuffix(name, "_MINUTES"):
		if _, err := strconv.ParseUint(value, 10, 31); err != nil {
			return nil, fmt.Errorf("%s: want a whole number of minutes, not %q", name, value)
		}
		return value + "m", nil
	default:
		return value, nil
	}
}

// lookup returns the first of the variables that has a value. Any of the environment wins over all
// of the file.
func (e Env) lookup(names []string) (name, value string) {
	inFile := func(name string) (string, bool) { return e.file[name], true }
	for _, source := range []func(string) (string, bool){e.process, inFile} {
		for _, name := range names {
			if value, _ := source(name); value != "" {
				return name, value
			}
		}
	}
	return "", ""
}

// variables returns the environment variables of a setting, the best name first.
func variables(v *kong.Value) []string {
	names := v.Tag.Get("environ")
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

// explain is the text of a setting for --help.
func explain(v *kong.Value) string {
	names := variables(v)
	if len(names) == 0 {
		return v.Help
	}
	return v.Help + " ($" + strings.Join(names, ", $") + ")"
}
