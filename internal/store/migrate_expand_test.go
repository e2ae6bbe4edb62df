package store_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMigrationsOnlyAdd reads the migrations and finds statements that break replicas of the previous release: they remove
// or rename what these use, or refuse what these write.
func TestMigrationsOnlyAdd(t *testing.T) {
	t.Parallel()
	const first = "00010" // the earlier ones are released
	// A later release may remove what no release that can still run uses. Add the statement, and the release that used it last.
	removed := map[string]string{}
	files, err := filepath.Glob("migrations/*/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		if filepath.Base(file) < first {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, statement := range breaks(string(text)) {
			if removed[statement] == "" {
				t.Errorf("%s: replicas of the previous release may need what this changes:\n%s", file, statement)
			}
		}
	}
	if checked < 14 {
		t.Errorf("%d migrations were checked", checked)
	}
	for text, bad := range map[string]int{
		"ALTER TABLE users DROP COLUMN a;":                                               1,
		"ALTER TABLE users DROP a;":                                                      1,
		"ALTER TABLE users ADD COLUMN a text, DROP COLUMN IF EXISTS b;":                  1,
		"ALTER TABLE users RENAME COLUMN a TO b;":                                        1,
		"ALTER TABLE users RENAME a TO b;":                                               1,
		"ALTER TABLE users ALTER COLUMN a SET NOT NULL;":                                 1,
		"ALTER TABLE users ALTER a TYPE bigint;":                                         1,
		"ALTER TABLE users ALTER COLUMN a DROP DEFAULT;":                                 1,
		"ALTER TABLE users ADD COLUMN a text NOT NULL;":                                  1,
		"ALTER TABLE users ADD b text DEFAULT '', ADD a text NOT NULL CHECK (a <> '');":  1,
		"DROP TABLE users;":                                                              1,
		"ALTER TABLE users RENAME TO people;":                                            1,
		"ALTER TABLE users RENAME TO old; CREATE TABLE users (a text);":                  0,
		"ALTER TABLE users ADD COLUMN a text NOT NULL DEFAULT '', ADD b text;":           0,
		"CREATE TABLE a (b text NOT NULL); DROP TABLE a;":                                0,
		"ALTER TABLE users DROP CONSTRAINT c, ALTER COLUMN a DROP NOT NULL;":             0,
		"DO $$ BEGIN LOOP BEGIN ALTER TABLE users DROP COLUMN a; END; END LOOP; END $$;": 1,
	} {
		if found := breaks(text); len(found) != bad {
			t.Errorf("%s\nfound %q, want %d", text, found, bad)
		}
	}
}

var (
	droppedTable  = regexp.MustCompile(`\bDROP TABLE (?:IF EXISTS )?(\w+)`)
	renamedTable  = regexp.MustCompile(`\bALTER TABLE (\w+) RENAME TO `)
	alteredTable  = regexp.MustCompile(`\bALTER TABLE (?:IF EXISTS |ONLY )*(\w+) `)
	droppedColumn = regexp.MustCompile(`\bDROP (?:COLUMN )?(?:IF EXISTS )?[a-z]`)
	renamedColumn = regexp.MustCompile(`\bRENAME (?:COLUMN )?[a-z]\w* TO `)
	narrowed      = regexp.MustCompile(`\bALTER (?:COLUMN )?[a-z]\w* (?:SET NOT NULL|TYPE|SET DATA TYPE|DROP DEFAULT)`)
	addedColumn   = regexp.MustCompile(`\bADD (?:COLUMN )?(?:IF NOT EXISTS )?[a-z]\w* [^,]*`)
)

// breaks returns the statements of a migration that a program of before it may not survive.
func breaks(migration string) (found []string) {
	plain := sqlComments.ReplaceAllString(migration, "")
	plain = functions.ReplaceAllString(plain, "") // they run later
	created := map[string]bool{}
	for _, m := range createdTable.FindAllStringSubmatch(plain, -1) {
		created[m[1]] = true
	}
	for statement := range strings.SplitSeq(plain, ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		dropped, renamed := droppedTable.FindStringSubmatch(statement), renamedTable.FindStringSubmatch(statement)
		altered := alteredTable.FindStringSubmatch(statement)
		switch {
		case dropped != nil && !created[dropped[1]],
			renamed != nil && !created[renamed[1]]: // unless another table takes the name
			found = append(found, statement)
		case altered == nil || created[altered[1]]:
		case droppedColumn.MatchString(statement), renamedColumn.MatchString(statement), narrowed.MatchString(statement),
			slices.ContainsFunc(addedColumn.FindAllString(statement, -1), required):
			found = append(found, statement)
		}
	}
	return found
}

// required reports whether a new column needs a value that older programs do not write.
func required(column string) bool {
	return strings.Contains(column, "NOT NULL") && !strings.Contains(column, "DEFAULT")
}
