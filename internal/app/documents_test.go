package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/graph/trusted"
	"usher/internal/config"
	"usher/internal/console"
)

// TestTrustedDocuments checks that the documents of the console are trusted if the console is enabled. It passes
// for a program built with or without the console.
func TestTrustedDocuments(t *testing.T) {
	t.Parallel()
	var ofConsole []string
	if manifest, built := console.Manifest(); built {
		documents, err := trusted.Read(manifest)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range documents.All() {
			ofConsole = append(ofConsole, text)
		}
	}
	dir := t.TempDir()
	file := func(name, manifest string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(manifest), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("good.json", `{"me": "{ me { id } }"}`)
	for name, tt := range map[string]struct {
		manifest     string
		console, dev bool
		fault        string // part of the error
	}{
		"no manifest":           {manifest: "", console: true},
		"manifest":              {manifest: good},
		"console":               {manifest: good, console: true},
		"development":           {manifest: good, dev: true},
		"missing":               {manifest: filepath.Join(dir, "missing.json"), console: true, fault: "--trusted-documents: "},
		"not of the schema":     {manifest: file("bad.json", `{"you": "{ you }"}`), console: true, fault: `bad.json: document "you"`},
		"not of GraphQL at all": {manifest: file("worse.json", `{"x": "}"}`), fault: `worse.json: document "x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := Settings{Server: config.Server{
				Console: tt.console, Dev: tt.dev, TrustedDocs: config.TrustedDocs{TrustedDocuments: tt.manifest, TrustedDocumentsMode: "only"},
			}}
			documents, err := trustedDocuments(t.Context(), s, slog.New(slog.DiscardHandler))
			if tt.fault != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fault) {
					t.Fatalf("error %v, want one with %q", err, tt.fault)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.manifest == "" {
				if documents != nil {
					t.Errorf("%d documents without a manifest", documents.Len())
				}
				return
			}
			if !documents.Contains("{ me { id } }") {
				t.Error("the document of the manifest is not trusted")
			}
			for _, text := range ofConsole {
				if want := tt.console || tt.dev; documents.Contains(text) != want {
					t.Errorf("trusted: %t, want %t: %s", !want, want, text)
				}
			}
		})
	}
}
