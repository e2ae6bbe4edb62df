package app_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

var (
	fence   = regexp.MustCompile("(?ms)^ *(```+|~~~+)[^\n]*\n.*?^ *(```+|~~~+) *$")
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+?) *$`)
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	code    = regexp.MustCompile("`[^`\n]*`")
	linked  = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	inWord  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// page is a file in Markdown.
type page struct {
	links   []string
	anchors []string
}

// anchor returns the anchor that GitHub and GitLab give a heading.
func anchor(title string) string {
	title = linked.ReplaceAllString(title, "$1")
	return strings.ReplaceAll(inWord.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

func parsePage(text string) page {
	text = fence.ReplaceAllString(text, "")
	var p page
	for _, title := range heading.FindAllStringSubmatch(text, -1) {
		unique := anchor(title[1])
		for n := 1; slices.Contains(p.anchors, unique); n++ {
			unique = anchor(title[1]) + "-" + strconv.Itoa(n)
		}
		p.anchors = append(p.anchors, unique)
	}
	for _, target := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
		p.links = append(p.links, target[1])
	}
	return p
}

// pages returns all files in Markdown of the repository, by their paths.
func pages(t *testing.T) map[string]page {
	t.Helper()
	all := map[string]page{}
	err := filepath.WalkDir("../..", func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "../.." && (strings.HasPrefix(entry.Name(), ".") || slices.Contains([]string{"node_modules", "testdata", "dist"}, entry.Name())):
			return filepath.SkipDir
		case filepath.Ext(path) != ".md":
			return nil
		}
		text, err := os.ReadFile(path)
		all[path] = parsePage(string(text))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestParsePage checks what TestLinks relies on.
func TestParsePage(t *testing.T) {
	t.Parallel()
	got := parsePage("# A `b` of C's: [d](e.md)\n\n[f](g.md#h) and ![i](j.png), `[not](this)`\n\n```sh\n# not this\n[nor](that)\n```\n\n## K\n\n## K\n")
	want := page{links: []string{"e.md", "g.md#h", "j.png"}, anchors: []string{"a-b-of-cs-d", "k", "k-1"}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(page{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLinks follows every relative link of the documentation, with its anchor.
func TestLinks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	followed := 0
	for path, p := range all {
		for _, target := range p.links {
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			followed++
			file, name, hasAnchor := strings.Cut(target, "#")
			to := path
			if file != "" {
				to = filepath.Join(filepath.Dir(path), file)
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s links to %s, which does not exist", path, target)
				continue
			}
			if hasAnchor && !slices.Contains(all[to].anchors, name) {
				t.Errorf("%s links to %s, which has no such section", path, target)
			}
		}
	}
	if followed < 150 {
		t.Errorf("only %d links were found", followed)
	}
}

// TestIndex checks that the README links to every page of docs/.
func TestIndex(t *testing.T) {
	t.Parallel()
	readme := pages(t)["../../README.md"]
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) == 0 {
		t.Fatal("found no documentation", err)
	}
	for _, file := range files {
		if target := "docs/" + filepath.Base(file); !slices.Contains(readme.links, target) {
			t.Errorf("the README does not link to %s", target)
		}
	}
}

// rules is what TestRunbook reads of the alert rules.
type rules struct {
	Groups []struct {
		Rules []struct {
			Alert       string
			Annotations map[string]string
		}
	}
}

// TestRunbook checks that the runbook has one section for each alert, and that each alert leads to its own.
func TestRunbook(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../deploy/prometheus/usher.rules.yml")
	if err != nil {
		t.Fatal(err)
	}
	var r rules
	if err := yaml.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	var alerts []string
	for _, group := range r.Groups {
		for _, rule := range group.Rules {
			alerts = append(alerts, rule.Alert)
			if got, want := rule.Annotations["runbook_url"], "docs/operations.md#"+anchor(rule.Alert); got != want {
				t.Errorf("the runbook_url of %s is %q, want %q", rule.Alert, got, want)
			}
		}
	}
	runbook, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var sections []string
	for _, title := range heading.FindAllStringSubmatch(string(runbook), -1) {
		if strings.HasPrefix(title[1], "Usher") {
			sections = append(sections, title[1])
		}
	}
	if diff := cmp.Diff(alerts, sections); diff != "" || len(alerts) == 0 {
		t.Errorf("sections of the runbook (-alerts +sections):\n%s", diff)
	}
}

var quoted = regexp.MustCompile("log(?: line)? `([a-z][^`]+)`")

// TestRunbookQuotes checks that the program logs the lines that the runbook quotes.
func TestRunbookQuotes(t *testing.T) {
	t.Parallel()
	runbook, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, root := range []string{"../../internal", "../../graph", "../../cmd"} {
		err := filepath.WalkDir(root, func(path string, _ os.DirEntry, err error) error {
			if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			source.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	quotes := quoted.FindAllStringSubmatch(string(runbook), -1)
	if len(quotes) < 10 {
		t.Fatalf("only %d lines are quoted", len(quotes))
	}
	for _, quote := range quotes {
		if !strings.Contains(source.String(), `"`+quote[1]) {
			t.Errorf("no code logs %q", quote[1])
		}
	}
}
