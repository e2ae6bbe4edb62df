package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"usher/internal/config"
)

// TestCommandsOfConsole checks that the commands which the console shows are commands of this program.
func TestCommandsOfConsole(t *testing.T) {
	t.Parallel()
	env, err := config.ReadEnv(os.DevNull, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&cli{}, kong.Vars{"version": "test"}, env)
	if err != nil {
		t.Fatal(err)
	}
	values := strings.NewReplacer("CLIENT_ID", "01a22805-82af-745e-8861-1dfdbbe42e3b", "KEY_ID", "-x", "NAME", "Books", "URI", "https://books.example.com")
	commands := regexp.MustCompile(`command: '(usher [^']+)'`)
	for _, view := range []string{"Clients", "Keys"} {
		source, err := os.ReadFile("../../web/src/" + view + ".tsx")
		if err != nil {
			t.Fatal(err)
		}
		found := commands.FindAllStringSubmatch(string(source), -1)
		if len(found) < 2 {
			t.Errorf("%s: %d commands", view, len(found))
		}
		for _, command := range found {
			if _, err := parser.Parse(strings.Fields(values.Replace(command[1]))[1:]); err != nil {
				t.Errorf("%s: %v", command[1], err)
			}
		}
	}
}
