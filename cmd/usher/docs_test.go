package main

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"usher/internal/config"
)

// documents returns the texts of the README, of the changelog and of docs/, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("found no documentation", err)
	}
	texts := map[string]string{}
	for _, file := range append(files, "../../README.md", "../../CHANGELOG.md", "../../deploy/prometheus/usher.rules.yml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = string(text)
	}
	return texts
}

var (
	// documentedCommand is a command in a line of code or at the beginning of a line, up to what the shell reads itself.
	documentedCommand = regexp.MustCompile("(?m)(?:^ *|`)(?:\\$ |bin/)?usher ([a-z][^`\n#|>&<;]*)")
	documentedFlag    = regexp.MustCompile(`^--([a-z][a-z-]*)`)
)

// TestDocumentedCommands checks that the program has each command that the documentation names, and its flags.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	parser, err := newParser(&invocation{stdout: io.Discard, stderr: io.Discard}, config.Env{})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for file, text := range documents(t) {
		for _, match := range documentedCommand.FindAllStringSubmatch(text, -1) {
			seen++
			node, words := parser.Model.Node, strings.Fields(match[1])
			for len(words) > 0 && slices.ContainsFunc(node.Children, isCommand) {
				n := slices.IndexFunc(node.Children, func(child *kong.Node) bool { return child.Name == words[0] })
				if n < 0 {
					break
				}
				node, words = node.Children[n], words[1:]
			}
			if node == parser.Model.Node || len(words) > 0 && slices.ContainsFunc(node.Children, isCommand) {
				t.Errorf("%s: there is no command usher %s", file, match[1])
				continue
			}
			for _, word := range words {
				if flag := documentedFlag.FindStringSubmatch(word); flag != nil && !hasFlag(node, flag[1]) {
					t.Errorf("%s: usher %s: there is no flag --%s", file, match[1], flag[1])
				}
			}
		}
	}
	if seen < 60 {
		t.Errorf("only %d commands were found", seen)
	}
}

func isCommand(node *kong.Node) bool { return node.Type == kong.CommandNode }

func hasFlag(node *kong.Node, name string) bool {
	for _, flags := range node.AllFlags(false) {
		if slices.ContainsFunc(flags, func(f *kong.Flag) bool { return f.Name == name }) {
			return true
		}
	}
	return false
}

var documentedSetting = regexp.MustCompile(`\bUSHER_[A-Z_]+[A-Z]\b`)

// TestDocumentedSettings checks that the server has each setting that the documentation names.
func TestDocumentedSettings(t *testing.T) {
	t.Parallel()
	known := documentedSetting.FindAllString(config.Markdown(), -1)
	known = append(known, "USHER_IMAGE", "USHER_URL") // of deploy/compose.yaml and of examples/go-client
	for file, text := range documents(t) {
		for _, name := range documentedSetting.FindAllString(text, -1) {
			if !slices.Contains(known, name) {
				t.Errorf("%s: there is no setting %s", file, name)
			}
		}
	}
}
