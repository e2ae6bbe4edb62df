package config

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// settings returns all settings in the order of the documentation.
func settings() []*kong.Flag { return flags(new(Settings)) }

// Markdown returns all settings as the table of the README.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, s := range settings() {
		flag, value := "`--"+s.Name+"`", ""
		if s.Hidden {
			flag = ""
		}
		if s.Default != "" {
			value = "`" + s.Default + "`"
		}
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", flag, strings.Join(variables(s.Value), "`, `"), value, s.Help)
	}
	return b.String()
}
