package config

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// settings returns all settings in the order of the documentation.
func settings() []*kong.Flag { return flags(new(Settings)) }

// isTracing reports whether a setting is one of Tracing.
func isTracing(s *kong.Flag) bool { return strings.HasPrefix(variables(s.Value)[0], "OTEL_") }

// TracingMarkdown returns the settings of traces as the table of docs/tracing.md.
func TracingMarkdown() string {
	var b strings.Builder
	b.WriteString("| variable | meaning |\n| --- | --- |\n")
	for _, s := range settings() {
		if isTracing(s) {
			fmt.Fprintf(&b, "| `%s` | %s |\n", strings.Join(variables(s.Value), "`, `"), s.Help)
		}
	}
	return b.String()
}

// Markdown returns all settings as the table of the README, except those of Tracing.
func Markdown() string {
	var b strings.Builder
	b.WriteString("| flag | variable | default | meaning |\n| --- | --- | --- | --- |\n")
	for _, s := range settings() {
		if isTracing(s) {
			continue
		}
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
