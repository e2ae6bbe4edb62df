package pgclient

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// fake writes a shell script as the program of a version, in a folder beside those of other versions.
func fake(t *testing.T, root, folder, name, version, script string) string {
	t.Helper()
	dir := filepath.Join(root, folder)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	text := "#!/bin/sh\nif [ \"$1\" = --version ]; then echo '" + name + " (PostgreSQL) " + version + "'; exit; fi\n" + script
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// only lets find look at the folders of a test and nowhere else. It is for tests that run alone.
func only(t *testing.T, root, path string) {
	t.Helper()
	before := Folders
	t.Cleanup(func() { Folders = before })
	Folders = []string{filepath.Join(root, "*", "bin")}
	t.Setenv("PATH", path+":/usr/bin:/bin")
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	inPath := fake(t, root, "path", "pg_tool", "15.3", "")
	older := fake(t, root, "13/bin", "pg_tool", "13.22 (Debian 13.22-1)", "")
	newer := fake(t, root, "17/bin", "pg_tool", "17.5", "")
	newest := fake(t, root, "18/bin", "pg_tool", "18beta1", "")
	fake(t, root, "19/bin", "pg_tool", "that nobody knows", "")
	only(t, root, filepath.Dir(inPath))
	for _, c := range []struct {
		server int
		want   []string
		err    string
	}{
		{13, []string{older, inPath, newer, newest}, ""},
		{14, []string{inPath, newer, newest}, ""},
		{17, []string{newer, newest}, ""},
		{18, []string{newest}, ""},
		{20, nil, "pg_tool 18 is older than the server, which is PostgreSQL 20. Install the package postgresql-client-20 (Debian)"},
	} {
		found, err := find(t.Context(), "pg_tool", c.server)
		var got []string
		for _, p := range found {
			got = append(got, p.path)
		}
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("server %d: %v, %v, want %v, %q", c.server, got, err, c.want, c.err)
		}
	}
	if _, err := find(t.Context(), "pg_other", 17); err == nil || !strings.Contains(err.Error(), "pg_other is not installed. Install the package postgresql-client-17 (Debian)") {
		t.Errorf("a missing program: %v", err)
	}
}

// TestFindNoWrapper has Debian's wrapper in the PATH, which picks a version by itself.
func TestFindNoWrapper(t *testing.T) {
	root := t.TempDir()
	wrapper := fake(t, root, "share", "pg_wrapper", "15.3", "")
	want := fake(t, root, "15/bin", "pg_tool", "15.3", "")
	path := filepath.Join(root, "path")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(wrapper, filepath.Join(path, "pg_tool")); err != nil {
		t.Fatal(err)
	}
	only(t, root, path)
	if found, err := find(t.Context(), "pg_tool", 15); err != nil || len(found) != 1 || found[0].path != want {
		t.Errorf("find: %v, %v, want %s", found, err, want)
	}
}

// TestPassword tests that the arguments of pg_dump have no secret, and that its environment has the password and no secret
// of Usher.
func TestPassword(t *testing.T) {
	root := t.TempDir()
	fake(t, root, "99/bin", "pg_dump", "99.1", `printf 'argument %s\n' "$@"; env`)
	only(t, root, root)
	t.Setenv("USHER_SECRET_KEY", "s3cret-of-usher")
	t.Setenv("SECRET_KEY", "s3cret-of-usher")
	t.Setenv("USHER_DATABASE_URL", "postgres://usher:p%40ss-w0rd@db1/usher")
	t.Setenv("DATABASE_URL", "postgres://usher:p%40ss-w0rd@db1/usher")
	t.Setenv("PGOPTIONS", "-c a=b")
	t.Setenv("PGTARGETSESSIONATTRS", "")
	for _, at := range []string{
		"postgres://usher:p%40ss-w0rd@db1:5433/usher?sslmode=verify-full&statement_cache_capacity=0&search_path=a%20b&connect_timeout=2",
		"postgresql://usher@db1:5433/usher?sslmode=verify-full&password=p%40ss-w0rd&default_query_exec_mode=exec&search_path=a%20b&connect_timeout=2",
	} {
		d, err := NewDatabase(at, "p@ss-w0rd")
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Dump(t.Context(), d, 99, &out); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		for _, line := range []string{
			"argument --format=custom", "PGPASSWORD=p@ss-w0rd", `PGOPTIONS=-c a=b -c search_path=a\ b`,
			"argument --dbname=" + strings.SplitN(at, ":", 2)[0] + "://usher@db1:5433/usher?connect_timeout=2&sslmode=verify-full",
			"PGTARGETSESSIONATTRS=read-write",
		} {
			if !slices.Contains(lines, line) {
				t.Errorf("%s: no line %q in:\n%s", at, line, out.String())
			}
		}
		for _, line := range lines {
			if strings.Contains(line, "w0rd") && line != "PGPASSWORD=p@ss-w0rd" || strings.Contains(line, "s3cret") {
				t.Errorf("%s: a secret in %q", at, line)
			}
		}
	}
	if _, err := NewDatabase("postgres://db1/usher?sslpassword=x1y2", ""); err == nil || strings.Contains(err.Error(), "x1y2") {
		t.Errorf("sslpassword: %v", err)
	}
}

// TestVersionWithoutSecrets tests that a program that is only asked for its version gets no secret of Usher either.
func TestVersionWithoutSecrets(t *testing.T) {
	root := t.TempDir()
	found := filepath.Join(root, "environment")
	path := fake(t, root, "99/bin", "pg_tool", "99.1", "")
	if err := os.WriteFile(path, []byte("#!/bin/sh\nenv >'"+found+"'; echo 'pg_tool (PostgreSQL) 99.1'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	only(t, root, root)
	t.Setenv("USHER_SECRET_KEY", "s3cret-of-usher")
	if _, err := find(t.Context(), "pg_tool", 99); err != nil {
		t.Fatal(err)
	}
	env, err := os.ReadFile(found)
	if err != nil || !strings.Contains(string(env), "PATH=") || strings.Contains(string(env), "s3cret") {
		t.Errorf("the environment has the secret of Usher or no PATH, %v", err)
	}
}

// TestCancelledTooLate cancels a restore that the program has finished. It must not be reported as failed: the rows are in
// the database.
func TestCancelledTooLate(t *testing.T) {
	root := t.TempDir()
	fake(t, root, "99/bin", "pg_dump", "99.1", `echo $$`)
	only(t, root, root)
	ctx, cancel := context.WithCancel(t.Context())
	w := writer(func(p []byte) (int, error) {
		pid, err := strconv.Atoi(strings.TrimSpace(string(p)))
		if err != nil {
			return 0, err
		}
		program, err := os.FindProcess(pid)
		for err == nil && program.Signal(syscall.Signal(0)) == nil { // until the program has ended
			runtime.Gosched()
		}
		cancel()
		return len(p), nil
	})
	if err := Dump(ctx, &Database{}, 99, w); err != nil {
		t.Errorf("Dump: %v", err)
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// TestMessages tests what an error has of the messages of a program: not the lines that quote rows.
func TestMessages(t *testing.T) {
	root := t.TempDir()
	fake(t, root, "99/bin", "pg_dump", "99.1", `cat >&2 <<'.'
pg_dump: warning: something
pg_dump: error: COPY failed for table "users": ERROR:  duplicate key
DETAIL:  Key (email)=(ada@example.com) already exists.
CONTEXT:  COPY credentials, line 1: "$argon2id$hash"
.
exit 1`)
	only(t, root, root)
	err := Dump(t.Context(), &Database{}, 99, &bytes.Buffer{})
	if err == nil || !strings.HasSuffix(err.Error(), `COPY failed for table "users": ERROR:  duplicate key`) {
		t.Errorf("Dump: %v", err)
	}
}

// TestFullDisk tests that a failed write is reported instead of the broken pipe of the program.
func TestFullDisk(t *testing.T) {
	root := t.TempDir()
	fake(t, root, "99/bin", "pg_dump", "99.1", `exec yes`)
	only(t, root, root)
	if err := Dump(t.Context(), &Database{}, 99, full); !errors.Is(err, errFull) {
		t.Errorf("Dump: %v, want %v", err, errFull)
	}
}

var errFull = errors.New("no space")

var full = writer(func([]byte) (int, error) { return 0, errFull })

// FuzzCopied reads any text as a script of pg_restore. What it finds are lines of the text, without the end of a COPY.
func FuzzCopied(f *testing.F) {
	f.Add("SET x;\nCOPY public.t (a, b) FROM stdin;\n1\t2\n3\t\\N\n\\.\n")
	f.Add("COPY t FROM stdin;\n1")
	f.Add("\\.\n")
	f.Fuzz(func(t *testing.T, script string) {
		rows, err := copied(strings.NewReader(script))
		if err != nil && rows != nil {
			t.Errorf("rows %q beside %v", rows, err)
		}
		for _, row := range rows {
			if row == `\.` || !strings.Contains(script, row) {
				t.Errorf("the row %q of %q", row, script)
			}
		}
	})
}
