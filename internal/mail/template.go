package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	texttemplate "text/template"
	"time"

	"golang.org/x/text/language"
)

// files are the built-in templates: layout.txt and layout.html, and for each locale a folder with common.txt,
// common.html and two files for each mail.
//
//go:embed templates
var files embed.FS

// kind is what a template needs.
type kind struct {
	// page is the page below LinkURL that a link with a token opens. Without it there is no token.
	page string
	// home says that the mail links to LinkURL itself.
	home bool
	// code says that the mail needs a code besides the token. Other mails with a token may have one.
	code bool
	// linkOnly says that a mail with a code may also be sent without it.
	linkOnly bool
	// address and due say that the mail needs Message.NewAddress and Message.Due.
	address, due bool
}

// mails are the templates by name.
var mails = map[string]kind{
	"verify-email":            {page: "verify-email", code: true},
	"reset-password":          {page: "reset-password", code: true, linkOnly: true},
	"login-code":              {page: "login", code: true},
	"confirm-email":           {page: "confirm-email", code: true},
	"email-changed":           {page: "undo-email-change", address: true},
	"password-changed":        {home: true},
	"factor-added":            {home: true},
	"factor-removed":          {home: true},
	"identity-linked":         {home: true},
	"identity-unlinked":       {home: true},
	"recovery-code-used":      {home: true},
	"recovery-codes-replaced": {home: true},
	"sign-up":                 {page: "complete-signup", code: true},
	"sign-up-existing":        {home: true},
	"invitation":              {page: "accept-invitation"},
	"account-deletion":        {home: true, due: true},
	"account-deleted":         {},
	"test":                    {},
}

// common is the name of the files with the texts of a locale that its mails share.
const common = "common"

// data is what templates see. Texts that users choose have passed clean and defuse.
type data struct {
	App, Subject, Lang, Dir string
	Username, NewAddress    string
	Requester               string // address and device
	Link, Code              string
	LinkExpires             time.Time
	CodeExpires, Due        time.Time
}

// set is the templates of one mail in one locale.
type set struct {
	text *texttemplate.Template
	html *htmltemplate.Template
}

type templates struct {
	sets    map[string]map[string]set // by locale and name
	locales []string                  // in the order of the matcher, the default first
	matcher language.Matcher
}

// newTemplates returns the built-in templates and those in a folder, which replace them or add a locale.
func newTemplates(folder, locale string) (*templates, error) {
	read := builtIn
	if folder != "" {
		read = func() (map[string]map[string]set, error) { return withFolder(folder) }
	}
	sets, err := read()
	if err != nil {
		return nil, err
	}
	t := &templates{sets: sets}
	if t.sets[locale] == nil {
		return nil, fmt.Errorf("mail: there are no templates for the locale %q, only for %s", locale, strings.Join(sortedKeys(t.sets), ", "))
	}
	t.locales = append([]string{locale}, slices.DeleteFunc(sortedKeys(t.sets), func(l string) bool { return l == locale })...)
	tags := make([]language.Tag, len(t.locales))
	for i, l := range t.locales {
		tags[i] = language.Make(l)
	}
	t.matcher = language.NewMatcher(tags)
	return t, nil
}

// builtIn parses the built-in templates. All mailers share them, because parsing takes as long as sending many mails.
var builtIn = sync.OnceValues(func() (map[string]map[string]set, error) {
	folder, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, err
	}
	return source{folder}.parseAll()
})

// withFolder parses the built-in templates and those in a folder.
func withFolder(folder string) (map[string]map[string]set, error) {
	builtIn, err := fs.Sub(files, "templates")
	if err != nil {
		return nil, err
	}
	source := source{builtIn, os.DirFS(folder)}
	if err := source.checkNames(); err != nil {
		return nil, fmt.Errorf("mail templates in %s: %w", folder, err)
	}
	return source.parseAll()
}

// source is file systems with templates. A later one overrides the earlier ones.
type source []fs.FS

// read reads a file and reports a file that is nowhere.
func (s source) read(path string) (string, error) {
	for _, layer := range slices.Backward(s) {
		text, err := fs.ReadFile(layer, path)
		if err == nil {
			return string(text), nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
	}
	return "", fmt.Errorf("%s is missing", path)
}

// checkNames reports a file in the last layer that would not be used, most likely because its name is misspelled.
func (s source) checkNames() error {
	return fs.WalkDir(s[len(s)-1], ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || path == "." || strings.HasPrefix(entry.Name(), ".") {
			return err
		}
		folder, file, nested := strings.Cut(path, "/")
		if entry.IsDir() {
			if _, err := language.Parse(path); err != nil || nested {
				return fmt.Errorf("the name of the folder %s is not a language tag", path)
			}
			return nil
		}
		if !nested {
			file = folder
		}
		name, format, _ := strings.Cut(file, ".")
		_, known := mails[name]
		if known = known || name == common; !nested {
			known = name == "layout"
		}
		if !known || format != "txt" && format != "html" {
			return fmt.Errorf("no mail uses the file %s", path)
		}
		return nil
	})
}

// parseAll parses all mails by locale.
func (s source) parseAll() (map[string]map[string]set, error) {
	sets := map[string]map[string]set{}
	for _, layer := range s {
		entries, err := fs.ReadDir(layer, ".")
		if err != nil {
			return nil, fmt.Errorf("mail templates: %w", err)
		}
		for _, entry := range entries {
			if !entry.IsDir() || sets[entry.Name()] != nil {
				continue
			}
			if sets[entry.Name()], err = s.parse(entry.Name()); err != nil {
				return nil, fmt.Errorf("mail templates: %w", err)
			}
		}
	}
	return sets, nil
}

// parse parses all mails of a locale. Each file is parsed under its own name, so that errors contain it.
func (s source) parse(locale string) (map[string]set, error) {
	funcs := map[string]any{"time": func(t time.Time) string { return formatTime(locale, t) }}
	base := set{texttemplate.New("").Funcs(funcs), htmltemplate.New("").Funcs(funcs)}
	for _, path := range []string{"layout", locale + "/" + common} {
		if err := s.add(base, path); err != nil {
			return nil, err
		}
	}
	sets := map[string]set{}
	for name := range mails {
		text, err := base.text.Clone()
		if err != nil {
			return nil, err
		}
		html, err := base.html.Clone()
		if err != nil {
			return nil, err
		}
		sets[name] = set{text, html}
		if err := s.add(sets[name], locale+"/"+name); err != nil {
			return nil, err
		}
	}
	return sets, nil
}

// add parses the two files of a path into a set.
func (s source) add(to set, path string) error {
	text, err := s.read(path + ".txt")
	if err != nil {
		return err
	}
	if _, err := to.text.New(path + ".txt").Parse(text); err != nil {
		return oneLine(err)
	}
	html, err := s.read(path + ".html")
	if err != nil {
		return err
	}
	if _, err := to.html.New(path + ".html").Parse(html); err != nil {
		return oneLine(err)
	}
	return nil
}

// oneLine returns the error of a template without the prefix of its package and without line breaks.
func oneLine(err error) error {
	text := err.Error()
	for _, prefix := range []string{"html/template:", "template:"} {
		text = strings.TrimPrefix(text, prefix)
	}
	return errors.New(strings.Join(strings.Fields(text), " "))
}

// render executes the templates of a mail. It sets the subject in d.
func (s set) render(d *data) (text, html string, err error) {
	var b bytes.Buffer
	if err := s.text.ExecuteTemplate(&b, "subject", d); err != nil {
		return "", "", oneLine(err)
	}
	d.Subject = clean(b.String(), maxSubject)
	b.Reset()
	if err := s.text.ExecuteTemplate(&b, "layout.txt", d); err != nil {
		return "", "", oneLine(err)
	}
	text = tidy(b.String())
	b.Reset()
	if err := s.html.ExecuteTemplate(&b, "layout.html", d); err != nil {
		return "", "", oneLine(err)
	}
	return text, b.String(), nil
}

// check renders every mail in every locale with sample data. Operators get an error at start, instead of users
// mails that lack their link.
func (m *Mailer) check() error {
	for _, locale := range m.Locales() {
		for _, name := range Names() {
			mail, err := m.Sample(name, locale)
			if err != nil {
				return err
			}
			if mail.Subject == "" {
				return fmt.Errorf("%s/%s.txt: the subject is empty", locale, name)
			}
			d := m.sample(name, locale)
			for format, body := range map[string]string{"txt": mail.Text, "html": mail.HTML} {
				if d.Token != "" && !strings.Contains(body, "#token="+d.Token) {
					return fmt.Errorf("%s/%s.%s: the mail must contain {{.Link}}", locale, name, format)
				}
				if mails[name].code && !strings.Contains(body, d.Code) {
					return fmt.Errorf("%s/%s.%s: the mail must contain {{.Code}}", locale, name, format)
				}
			}
		}
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
