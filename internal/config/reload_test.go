package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// other returns another value for a setting.
func other(t *testing.T, v reflect.Value) reflect.Value {
	t.Helper()
	changed := reflect.New(v.Type()).Elem()
	if v.Type() == reflect.TypeFor[Secret]() {
		return reflect.ValueOf(NewSecret("c4n4ry"))
	}
	switch v.Kind() {
	case reflect.String:
		changed.SetString(v.String() + "c4n4ry")
	case reflect.Bool:
		changed.SetBool(!v.Bool())
	case reflect.Int, reflect.Int64:
		changed.SetInt(v.Int() + 1)
	case reflect.Slice:
		changed.Set(reflect.MakeSlice(v.Type(), 1, 1))
	case reflect.Map:
		changed.Set(reflect.MakeMap(v.Type()))
		changed.SetMapIndex(reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem())
	case reflect.Pointer:
		changed.Set(reflect.New(v.Type().Elem()))
	case reflect.Struct: // with a field that is text
		changed.Field(0).SetString("c4n4ry")
	default:
		t.Fatalf("no other value for %v", v.Type())
	}
	return changed
}

// TestChanges changes each setting alone: it is reported as changed, or the error says that it needs a restart. No value is
// in either.
func TestChanges(t *testing.T) {
	t.Parallel()
	var restart, changed []string
	for i, flag := range settings() {
		var after Settings
		target := flags(&after)[i].Target
		target.Set(other(t, target))
		later := Take(after)
		clear(later.files) // the names are of no files
		names, err := Take(Settings{}).Changes(later)
		switch {
		case slices.Equal(names, []string{flag.Name}) && err == nil:
			changed = append(changed, flag.Name)
		case len(names) == 0 && err != nil && err.Error() == "a change of "+flag.Name+" needs a restart":
			restart = append(restart, flag.Name)
		default:
			t.Errorf("--%s: %q, %v", flag.Name, names, err)
		}
		if same, err := later.Changes(later); len(same) > 0 || err != nil {
			t.Errorf("--%s: compared with itself: %q, %v", flag.Name, same, err)
		}
	}
	if diff := cmp.Diff(Reloadable(), changed); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	if len(Reloadable()) != len(reloadable) {
		t.Errorf("reloadable has a name of no setting: %q", reloadable)
	}
	for _, name := range []string{"listen", "issuer", "secret-key", "secret-key-file", "database-url", "log-format", "dev"} {
		if !slices.Contains(restart, name) {
			t.Errorf("--%s can be reloaded", name)
		}
	}
}

func TestChangesOfFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	var s Settings
	s.SecretKeyFile, s.SMTPURLFile, s.DKIMKeyFile = write("secret", "a"), write("smtp", "a"), write("dkim", "a")
	s.TrustedDocuments, s.BreachesFile = write("documents", "a"), write("breaches", "a")
	write("mail/en/test.txt", "a")
	s.MailTemplates = filepath.Join(dir, "link") // as Kubernetes mounts files
	if err := os.Symlink("mail", s.MailTemplates); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		change func()
		names  []string
		fault  string
	}{
		"nothing":      {func() {}, nil, ""},
		"SMTP":         {func() { write("smtp", "b") }, []string{"smtp-url-file"}, ""},
		"DKIM":         {func() { write("dkim", "b") }, []string{"dkim-key-file"}, ""},
		"documents":    {func() { write("documents", "b") }, []string{"trusted-documents"}, ""},
		"breaches":     {func() { write("breaches", "b") }, []string{"breaches"}, ""},
		"template":     {func() { write("mail/en/test.txt", "b") }, []string{"mail-templates"}, ""},
		"new template": {func() { write("mail/de/test.txt", "a") }, []string{"mail-templates"}, ""},
		"secret":       {func() { write("secret", "b") }, nil, "a change of secret-key-file needs a restart"},
		"missing":      {func() { _ = os.Remove(filepath.Join(dir, "documents")) }, nil, `--trusted-documents: "` + filepath.Join(dir, "documents") + `" cannot be read: no such file or directory`},
	} {
		for _, file := range []string{"secret", "smtp", "dkim", "documents", "breaches", "mail/en/test.txt"} {
			write(file, "a")
		}
		if err := os.RemoveAll(filepath.Join(dir, "mail/de")); err != nil {
			t.Fatal(err)
		}
		before := Take(s)
		tt.change()
		names, err := before.Changes(Take(s))
		if !slices.Equal(names, tt.names) || (err == nil) != (tt.fault == "") || err != nil && err.Error() != tt.fault {
			t.Errorf("%s: %q, %v; want %q, %s", name, names, err, tt.names, tt.fault)
		}
	}
}

// TestReloadableInDocs checks that the documentation lists the settings that can be reloaded.
func TestReloadableInDocs(t *testing.T) {
	t.Parallel()
	const file = "../../docs/check-and-reload.md"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- reloadable -->\n", "<!-- /reloadable -->"
	before, rest, ok1 := strings.Cut(string(text), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		t.Fatalf("%s has no markers", file)
	}
	want := ReloadableMarkdown()
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
