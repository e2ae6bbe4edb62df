package config

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/alecthomas/kong"
)

// Collect returns an Env that adds each value that cannot be parsed to problems, and leaves the setting at its default.
// Otherwise the first one is an error.
func (e Env) Collect(problems *[]string) Env {
	e.problems = problems
	return e
}

// valid reports whether the value of a variable can be parsed. It adds the problem otherwise.
func (e Env) valid(flag *kong.Flag, name, value string) bool {
	if flag.Target.Type() == reflect.TypeFor[Secret]() {
		return true // every text is
	}
	if strings.HasSuffix(name, "_MINUTES") {
		value += "m"
	}
	err := parses(flag, value)
	if err != nil {
		*e.problems = append(*e.problems, fmt.Sprintf("--%s: %v ($%s)", flag.Name, err, name))
	}
	return err == nil
}

// parses parses a value as kong does, and changes nothing.
func parses(flag *kong.Flag, value string) error {
	if flag.Enum != "" && !flag.EnumMap()[value] {
		return fmt.Errorf("must be one of %s, not %q", strings.TrimSuffix(strings.ReplaceAll(flag.Enum, ",", ", "), ", "), value)
	}
	scratch := reflect.New(flag.Target.Type()).Elem()
	return flag.Mapper.Decode(&kong.DecodeContext{Value: flag.Value, Scan: kong.Scan().PushTyped(value, kong.FlagValueToken)}, scratch)
}

// Problems returns each problem of settings that are parsed, in the order of the documentation.
func (s *Settings) Problems() []string {
	return lines(errors.Join(s.Server.Validate(), s.Passwords.Validate(), s.Database.Validate()))
}

func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
