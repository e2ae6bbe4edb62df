package config

import (
	"flag"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write .env.example")

const examplePath = "../../.env.example"

const exampleHeader = `# Settings of Usher. Copy this file to .env in the folder where you start usher. Remove the "#" in
# front of the settings that you change. Environment variables override the file, and flags override
# both. Put a value that contains "#", "$" or spaces in single quotes.
#
# .env contains secrets, so let no other user read it (chmod 600 .env). Create the required secret with
#
#     (umask 077; echo "USHER_SECRET_KEY=$(head -c 32 /dev/urandom | base64)" >> .env)
`

// example returns the text of .env.example, which lists every setting.
func example() string {
	var b strings.Builder
	b.WriteString(exampleHeader)
	for _, s := range settings() {
		names := variables(s.Value)
		text := s.Help
		if len(names) > 1 && !strings.Contains(text, names[1]) {
			text += " Also called " + strings.Join(names[1:], ", ") + "."
		}
		value := s.Tag.Get("example") + s.Default
		if s.IsBool() {
			value = "false"
		}
		fmt.Fprintf(&b, "\n%s#%s=%s\n", comment(text), names[0], value)
	}
	return b.String()
}

// comment breaks text into lines of at most 100 characters.
func comment(text string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 100 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
	return b.String()
}

func TestExampleIsCurrent(t *testing.T) {
	if *update {
		if err := os.WriteFile(examplePath, []byte(example()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(examplePath)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(example(), string(got)); diff != "" {
		t.Errorf("go test ./internal/config -update updates .env.example (-want +got):\n%s", diff)
	}
}

// TestExampleWorks uses .env.example unchanged, and with every setting uncommented.
func TestExampleWorks(t *testing.T) {
	untouched, err := parse(t, []string{"serve", "--dev"}, nil, example())
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := parse(t, []string{"serve", "--dev"}, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(defaults, untouched, cmp.Comparer(equalSecrets)); diff != "" {
		t.Errorf("the example changes settings (-default +example):\n%s", diff)
	}

	all := regexp.MustCompile(`(?m)^#((USHER|OTEL)_)`).ReplaceAllString(example(), "$1")
	if _, err := parse(t, []string{"serve"}, nil, all); err != nil {
		t.Errorf("with every setting uncommented: %v", err)
	}
	if got, want := strings.Count(all, "\nUSHER_")+strings.Count(all, "\nOTEL_"), len(settings()); got != want {
		t.Errorf("the example has %d settings of %d", got, want)
	}
}

func TestMarkdown(t *testing.T) {
	table := Markdown()
	for _, want := range []string{
		"| `--listen` | `USHER_LISTEN` | `127.0.0.1:8080` | Address and port to listen on. |\n",
		"|  | `USHER_SECRET_KEY`, `SECRET_KEY` |  | The server's secret",
		"| `--dev` | `USHER_DEV` |  | ",
	} {
		if !strings.Contains(table, want) {
			t.Errorf("%s is missing in\n%s", want, table)
		}
	}
	traces := TracingMarkdown()
	rows := strings.Count(table, "\n") - 2
	tracesRows := strings.Count(traces, "\n") - 2
	if rows+tracesRows != len(settings()) || tracesRows != reflect.TypeFor[Tracing]().NumField() {
		t.Errorf("%d rows and %d for traces, for %d settings", rows, tracesRows, len(settings()))
	}
	if cells := strings.Count(table, "|") + strings.Count(traces, "|"); cells != 5*(rows+2)+3*(tracesRows+2) {
		t.Error("a help text contains a |")
	}
}

// TestSettingsAreDocumented checks that every setting has a unique variable and a help text.
func TestSettingsAreDocumented(t *testing.T) {
	seen := map[string]string{}
	for _, s := range settings() {
		names := variables(s.Value)
		if len(names) == 0 || !strings.HasPrefix(names[0], "USHER_") && !isTracing(s) {
			t.Errorf("--%s: the first variable is not USHER_…, nor a standard one: %q", s.Name, names)
		}
		for _, name := range names {
			if other := seen[name]; other != "" {
				t.Errorf("%s is --%s and --%s", name, other, s.Name)
			}
			seen[name] = s.Name
		}
		if !strings.HasSuffix(s.Help, ".") {
			t.Errorf("--%s: the help is not a sentence: %q", s.Name, s.Help)
		}
	}
}
