package app_test

import (
	"flag"
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	slashpath "path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the picture of the packages in docs/architecture.md")

// goPackage is a package of this module that is part of a program.
type goPackage struct {
	owns    string // the first sentence of its comment, without "Package x"
	imports []string
	layer   int // 0 imports no other
}

// TestArchitecture compares the list of packages in docs/architecture.md with the code.
//
//	go test ./internal/app -run Architecture -update
func TestArchitecture(t *testing.T) {
	const file, begin, end = "../../docs/architecture.md", "<!-- packages -->\n", "<!-- /packages -->\n"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q", file, begin, end)
	}
	want := picture(t, packages(t))
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("run this test with -update (-code +docs):\n%s", diff)
	}
}

// packages reads the packages that cmd/usher consists of.
func packages(t *testing.T) map[string]*goPackage {
	t.Helper()
	found := map[string]*goPackage{}
	var add func(name string)
	add = func(name string) {
		if found[name] != nil {
			return
		}
		found[name] = read(t, name)
		for _, imported := range found[name].imports {
			add(imported)
			found[name].layer = max(found[name].layer, found[imported].layer+1)
		}
	}
	add("cmd/usher")
	return found
}

func read(t *testing.T, name string) *goPackage {
	t.Helper()
	folder := filepath.Join("../..", name)
	entries, err := fs.Glob(os.DirFS(folder), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	p := &goPackage{}
	imports := map[string]bool{}
	for _, entry := range entries {
		if strings.HasSuffix(entry, "_test.go") {
			continue
		}
		source, err := parser.ParseFile(token.NewFileSet(), filepath.Join(folder, entry), nil, parser.ImportsOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range source.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if inside, ok := strings.CutPrefix(imported, "usher/"); ok {
				imports[inside] = true
			}
		}
		if text := strings.Join(strings.Fields(source.Doc.Text()), " "); strings.HasPrefix(text, "Package ") || strings.HasPrefix(text, "Command ") {
			p.owns = firstSentence(text)
		}
	}
	if p.owns == "" {
		t.Errorf("%s says nowhere what it owns", name)
	}
	p.imports = slices.Sorted(maps.Keys(imports))
	return p
}

// firstSentence returns what a package comment says first, without the name of the package.
func firstSentence(text string) string {
	sentence, _, _ := strings.Cut(text, ". ")
	sentence, _, _ = strings.Cut(sentence, ": ")
	words := strings.SplitN(strings.TrimSuffix(sentence, "."), " ", 3)
	return words[len(words)-1]
}

// picture lists the packages layer by layer, from the top. A package imports from lower layers only, as Go
// demands of any order that follows the imports.
func picture(t *testing.T, all map[string]*goPackage) string {
	t.Helper()
	top := 0
	for _, p := range all {
		top = max(top, p.layer)
	}
	var b strings.Builder
	b.WriteString("| layer | package | what it does | what it imports |\n| --- | --- | --- | --- |\n")
	for layer := top; layer >= 0; layer-- {
		for _, name := range slices.Sorted(maps.Keys(all)) {
			p := all[name]
			if p.layer != layer {
				continue
			}
			short := make([]string, len(p.imports))
			for i, imported := range p.imports {
				short[i] = shortName(imported)
			}
			fmt.Fprintf(&b, "| %d | `%s` | %s | %s |\n", layer, name, strings.ReplaceAll(p.owns, "|", `\|`), strings.Join(short, ", "))
		}
	}
	return b.String()
}

// shortName is the name of a package without the folders that tell it from no other.
func shortName(name string) string {
	switch folder := slashpath.Base(slashpath.Dir(name)); folder {
	case "auth", "graph":
		return folder + "/" + slashpath.Base(name)
	case "internal":
		if strings.HasPrefix(name, "internal/auth/") {
			return "auth/internal/" + slashpath.Base(name)
		}
	}
	return slashpath.Base(name)
}

// TestDocsNameFiles looks up the files and folders that the docs name, except for the tutorial, which makes some.
func TestDocsNameFiles(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`((?:bench|clients|cmd|docs|examples|graph|internal|web)/[[:word:]./-]+)`")
	seen := 0
	for _, page := range append(pages, "../../README.md") {
		if filepath.Base(page) == "guard-your-own-field.md" {
			continue
		}
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range named.FindAllStringSubmatch(string(text), -1) {
			if seen++; match[1] == "bench/profile" { // `make bench-profile` makes it
				continue
			}
			if _, err := os.Stat(filepath.Join("../..", match[1])); err != nil {
				t.Errorf("%s names %s: %v", filepath.Base(page), match[1], err)
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d files are named", seen)
	}
}
