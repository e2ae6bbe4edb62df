package check

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Printer writes results as text for people: aligned, and at most Width wide.
type Printer struct {
	To    io.Writer
	Width int
	// Names is the width of the column of names.
	Names int
	// Color colors the statuses, for a terminal.
	Color bool
}

const statusWidth = 7 // of "warning"

var colors = map[Status]string{OK: "32", Warning: "33", Failed: "1;31"}

// Print writes a result. A longer one continues below its first line.
func (p *Printer) Print(r Result) {
	status := string(r.Status)
	if r.Status == Failed {
		status = "FAILED"
	}
	padding := strings.Repeat(" ", statusWidth-len(status))
	if p.Color {
		status = "\x1b[" + colors[r.Status] + "m" + status + "\x1b[0m"
	}
	indent := statusWidth + 2 + p.Names + 2
	text := r.Detail
	if r.Advice != "" {
		text = strings.TrimSuffix(text, ".") + ". " + r.Advice
	}
	lines := wrap(printable(text), max(p.Width-indent, 20))
	_, _ = fmt.Fprintf(p.To, "%s%s  %-*s  %s\n", status, padding, p.Names, r.Check, lines[0])
	for _, line := range lines[1:] {
		_, _ = fmt.Fprintf(p.To, "%*s%s\n", indent, "", line)
	}
}

// printable replaces characters that could change what a terminal shows. Texts of other servers are part of results.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, ""))
}

// wrap breaks a text at spaces into lines of a width. It breaks no word, such as a path. It returns at least one line.
func wrap(text string, width int) []string {
	lines := []string{""}
	for word := range strings.FieldsSeq(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case utf8.RuneCountInString(*last)+1+utf8.RuneCountInString(word) <= width:
			*last += " " + word
		default:
			lines = append(lines, word)
		}
	}
	return lines
}
