package pgclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Dump writes a dump in the custom format of pg_dump. server is the major version of the server.
//
// The program writes to a pipe: if this process is killed, the program ends too.
func Dump(ctx context.Context, d *Database, server int, w io.Writer) error {
	programs, err := find(ctx, "pg_dump", server)
	if err != nil {
		return err
	}
	out := &output{w: w}
	err = run(ctx, programs[0], d, nil, out, "--format=custom", "--no-password", "--dbname="+d.url)
	return errors.Join(out.err, err)
}

// Archive is a dump in a file.
type Archive struct {
	file    *os.File
	program program // that can read it
}

// OpenArchive finds the pg_restore for a dump and a server of a major version.
func OpenArchive(ctx context.Context, file *os.File, server int) (*Archive, error) {
	programs, err := find(ctx, "pg_restore", server)
	if err != nil {
		return nil, err
	}
	for _, p := range programs {
		a := &Archive{file, p}
		if err = a.run(ctx, &Database{}, io.Discard, "--list"); err == nil {
			return a, nil
		}
	}
	return nil, err // of the newest program
}

// Table returns the rows of a table as COPY writes them: a line for each row, with tabs between the columns.
func (a *Archive) Table(ctx context.Context, name string) ([]string, error) {
	var script bytes.Buffer
	if err := a.run(ctx, &Database{}, &script, "--data-only", "--table="+name, "--file=-"); err != nil {
		return nil, err
	}
	return copied(&script)
}

// copied returns the rows of the first COPY in a script.
func copied(script io.Reader) (rows []string, err error) {
	lines := bufio.NewScanner(script)
	inside := false
	for lines.Scan() {
		line := lines.Text()
		switch {
		case !inside:
			inside = strings.HasPrefix(line, "COPY ") && strings.HasSuffix(line, " FROM stdin;")
		case line == `\.`:
			return rows, nil
		default:
			rows = append(rows, line)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	if inside {
		return nil, io.ErrUnexpectedEOF
	}
	return nil, nil
}

// Restore restores everything into a database in one transaction, as the role of the database.
//
// The program reads from a pipe: if this process is killed, the program finds no end and rolls back.
func (a *Archive) Restore(ctx context.Context, d *Database) error {
	return a.run(ctx, d, io.Discard, "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges", "--no-password", "--dbname="+d.url)
}

func (a *Archive) run(ctx context.Context, d *Database, w io.Writer, args ...string) error {
	if _, err := a.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return run(ctx, a.program, d, struct{ io.Reader }{a.file}, w, args...)
}

// output keeps the error of w, which the error of a program with a broken pipe would hide.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil {
		o.err = err
	}
	return n, err
}

func run(ctx context.Context, p program, d *Database, in io.Reader, out io.Writer, args ...string) error {
	var messages head
	cmd := exec.CommandContext(ctx, p.path, args...) //nolint:gosec // find has found the path, and args have no shell.
	cmd.Env = d.environ()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &messages
	err := cmd.Run()
	switch {
	case err == nil: // also if ctx has ended meanwhile: what the program did is done
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s: %s", p.path, problem(messages.text, err))
}

// head keeps the beginning of what a program writes.
type head struct{ text []byte }

func (t *head) Write(p []byte) (int, error) {
	const limit = 16 << 10
	t.text = append(t.text, p[:min(len(p), limit-len(t.text))]...)
	return len(p), nil
}

// problem returns the first error in the messages of a program. Further lines may quote rows of the database.
func problem(messages []byte, err error) string {
	const limit = 500
	for line := range strings.Lines(string(messages)) {
		if _, text, ok := strings.Cut(line, "error: "); ok {
			return strings.ToValidUTF8(strings.TrimSpace(text[:min(len(text), limit)]), "")
		}
	}
	return err.Error()
}
