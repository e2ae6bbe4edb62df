package config

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/joho/godotenv"
)

// Env provides the settings that are not set by flags. It reads them from the environment first, and then
// from a file. It is a kong.Option that replaces kong's env tags, which have three drawbacks. They show the
// value of a variable in error messages. They cannot distinguish a secret in the environment from one on the
// command line. They treat an empty variable as a value, but container tools pass empty variables for
// settings that are not set.
type Env struct {
	process func(name string) (string, bool)
	path    string // of the file
	file    map[string]string

	problems *[]string // see Collect
}

// EnvFile is the file of settings in the working directory.
const EnvFile = ".env"

// ReadEnv returns an Env that reads variables with process, usually os.LookupEnv, and a file of NAME=value
// lines. A file that does not exist counts as empty. The error does not quote the file, which may contain
// secrets.
func ReadEnv(file string, process func(name string) (string, bool)) (Env, error) {
	text, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Env{}, fmt.Errorf("settings: %w", err)
	}
	values, err := parseEnv(text)
	if err != nil {
		line := lineAfter(text, func(map[string]string) bool { return true })
		return Env{}, fmt.Errorf("settings: %s: line %d: %w", file, line, err)
	}
	if name := unknown(values); name != "" {
		line := lineAfter(text, func(values map[string]string) bool { _, found := values[name]; return !found })
		return Env{}, fmt.Errorf("settings: %s: line %d: unknown setting %s", file, line, name)
	}
	return Env{process: process, path: file, file: values}, nil
}

// Warnings returns a warning if the file contains a secret and other users can read it.
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

// unknown returns a name in values that has the prefix of a setting but is not one, or "". It is most likely
// misspelled. Only the file is checked. Other programs set variables with the same prefix, such as
// Kubernetes for a service called usher.
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
var errNotEnv = errors.New("must be NAME=value, with quotes around a value that contains spaces")

var isVariable = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

func parseEnv(text []byte) (map[string]string, error) {
	values, err := godotenv.UnmarshalBytes(text)
	if err != nil {
		return nil, errNotEnv
	}
	for name := range values { // godotenv accepts an empty name and a name with spaces
		if !isVariable.MatchString(name) {
			return nil, errNotEnv
		}
	}
	return values, nil
}

// lineAfter returns the number of the line that follows the longest beginning of text that parses and that
// accept accepts. godotenv does not tell the line of an error. A value can have several lines, so a beginning
// that does not parse can be part of one that does.
func lineAfter(text []byte, accept func(map[string]string) bool) int {
	ends := []int{0} // of the beginnings, by their number of lines
	for i, c := range text {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	for lines, end := range slices.Backward(ends) {
		if values, err := parseEnv(text[:end]); err == nil && accept(values) {
			return lines + 1
		}
	}
	return 1 // not reached: no text parses, and sets nothing
}

// Apply implements kong.Option.
func (e Env) Apply(k *kong.Kong) error {
	return errors.Join(
		kong.Resolvers(kong.ResolverFunc(e.resolve)).Apply(k),
		parser(time.ParseDuration, "a duration such as 90s, 15m or 12h").Apply(k),
		parser(parseLevel, "debug, info, warn or error").Apply(k),
		kong.ValueFormatter(explain).Apply(k))
}

// parser makes kong parse values of type T with parse. kong's own parsers, and those of the types, put the error
// of a Go function into the message.
func parser[T any](parse func(string) (T, error), what string) kong.Option {
	return kong.TypeMapper(reflect.TypeFor[T](), kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		var text string
		if err := ctx.Scan.PopValueInto("value", &text); err != nil {
			return err
		}
		value, err := parse(text)
		if err != nil {
			return fmt.Errorf("must be %s, not %q", what, text)
		}
		target.Set(reflect.ValueOf(value))
		return nil
	}))
}

func parseLevel(text string) (level slog.Level, err error) {
	return level, level.UnmarshalText([]byte(text))
}

// resolve returns the value of a flag that is not on the command line, or nil.
func (e Env) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name, value := e.lookup(variables(flag.Value))
	switch {
	case value == "":
		return nil, nil
	case e.problems != nil && !e.valid(flag, name, value):
		return nil, nil // the default
	case flag.Target.Type() == reflect.TypeFor[Secret]():
		return NewSecret(value), nil
	case strings.HasSuffix(name, "_MINUTES"):
		if _, err := strconv.ParseUint(value, 10, 31); err != nil {
			return nil, fmt.Errorf("%s: must be a whole number of minutes, not %q", name, value)
		}
		return value + "m", nil
	default:
		return value, nil
	}
}

// lookup returns the first variable that has a value. The environment overrides the file, whatever the
// order of names.
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

// variables returns the environment variables of a setting, the preferred name first.
func variables(v *kong.Value) []string {
	names := v.Tag.Get("environ")
	if names == "" {
		return nil
	}
	return strings.Split(names, ",")
}

// explain returns the text of a setting in --help.
func explain(v *kong.Value) string {
	names := variables(v)
	if len(names) == 0 {
		return v.Help
	}
	return v.Help + " ($" + strings.Join(names, ", $") + ")"
}
