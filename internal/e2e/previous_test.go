//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/alecthomas/kong"

	"usher/internal/config"
)

// previousRelease is the tag or commit of the release that is upgraded from. A release changes it to the tag of the one
// before.
const previousRelease = "7861ded3f67104b3ac91574a562f482a85c238ae"

// previous builds the program of the previous release, without the console. The folder of its sources is always the same,
// so that Go's build cache is used, and nothing is compiled again in the next run.
var previous = sync.OnceValues(func() (program string, err error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "usher-e2e", previousRelease)
	program = filepath.Join(dir, "usher")
	// A run that was interrupted leaves only a folder with another name.
	out, err := exec.Command("sh", "-ec", `
		top=$(git rev-parse --show-toplevel)
		if ! git -C "$top" rev-parse --quiet --verify "$1^{commit}" >/dev/null; then
			echo "the clone does not have the previous release, $1. Fetch it: git fetch --unshallow --tags" >&2
			exit 1
		fi
		if ! test -d "$2"; then
			mkdir -p "$2.$$"
			git -C "$top" archive "$1" | tar -x -C "$2.$$"
			mv "$2.$$" "$2" || test -d "$2"
		fi
		cd "$2"
		GOWORK=off go build -buildvcs=false -o "$3" ./cmd/usher`, "sh", previousRelease, dir, program).CombinedOutput()
	if err != nil {
		return "", &buildError{output: string(out), err: err}
	}
	return program, nil
})

type buildError struct {
	output string
	err    error
}

func (e *buildError) Error() string {
	return "build the previous release: " + e.err.Error() + "\n" + e.output
}

func previousProgram(t *testing.T) string {
	t.Helper()
	program, err := previous()
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// TestPreviousSettings reads the settings, commands and flags of the previous release with the program of this one.
func TestPreviousSettings(t *testing.T) {
	t.Parallel()
	older := previousProgram(t)
	example, err := os.ReadFile(filepath.Join(filepath.Dir(older), ".env.example"))
	if err != nil {
		t.Fatal(err)
	}
	setting := regexp.MustCompile(`(?m)^#((?:USHER|OTEL)_[A-Z_]+=)`)
	if found := len(setting.FindAll(example, -1)); found < 40 {
		t.Fatalf("only %d settings were found", found)
	}
	file := filepath.Join(t.TempDir(), ".env")
	if err := os.WriteFile(file, setting.ReplaceAll(example, []byte("$1")), 0o600); err != nil {
		t.Fatal(err)
	}
	env, err := config.ReadEnv(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Serve struct {
			config.Server
			config.Passwords
			config.Database
			config.Log
		} `cmd:""`
	}
	parser, err := kong.New(&c, env)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parser.Parse([]string{"serve"}); err != nil {
		t.Errorf("the settings of the previous release: %v", err)
	}

	help := func(program string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), program, append(args, "--help")...)
		cmd.Dir = t.TempDir()
		out, err := cmd.Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	command := regexp.MustCompile(`(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)(?: |$)`)
	commands := command.FindAllStringSubmatch(help(older), -1)
	if len(commands) < 8 {
		t.Fatalf("only the commands %q were found", commands)
	}
	flag := regexp.MustCompile(`(?m)^ {2,6}(?:-[a-z], +)?--(?:\[no-\])?([a-z][a-z-]+)`)
	flags := func(text string) (names []string) {
		for _, found := range flag.FindAllStringSubmatch(text, -1) {
			names = append(names, "--"+found[1])
		}
		return names
	}
	for _, found := range commands {
		args := strings.Fields(found[1])
		was, is := flags(help(older, args...)), flags(help(binary, args...))
		if len(was) == 0 {
			t.Errorf("usher %s: no flags were found", found[1])
		}
		for _, name := range was {
			if !slices.Contains(is, name) {
				t.Errorf("usher %s has lost %s", found[1], name)
			}
		}
	}
}
