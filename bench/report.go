package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
)

// results are the figures by name, and the properties of the machine.
type results struct {
	figures map[string]float64
	strings map[string]string
}

func newResults() *results {
	return &results{map[string]float64{}, map[string]string{}}
}

// set records a figure with four significant digits.
func (r *results) set(name string, figure float64) {
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(figure, 'g', 4, 64), 64)
	if err != nil || math.IsNaN(rounded) || math.IsInf(rounded, 0) {
		return // not a figure
	}
	r.figures[name] = rounded
}

// against has the names of the figures of a comparison: the program's, the one to compare with, and their ratio. The
// name of the noise is limit with the prefix "noise_".
type against struct{ usher, limit, ratio string }

// compare records the medians of one figure, their ratio and the noise. The first samples are the program's, the
// second those to compare with.
func (r *results) compare(names against, samples [][]sample, figure func(sample) float64) {
	r.set(names.usher, medianOf(samples[0], figure))
	r.set(names.limit, medianOf(samples[1], figure))
	r.set(names.ratio, ratioOf(samples[0], samples[1], figure))
	r.set("noise_"+names.limit, noiseOf(samples[1], figure))
}

// machine records a property of the machine.
func (r *results) machine(name, text string) { r.strings["machine_"+name] = text }

// MarshalJSON implements json.Marshaler. It returns one flat object.
func (r *results) MarshalJSON() ([]byte, error) {
	flat := map[string]any{}
	for name, figure := range r.figures {
		flat[name] = figure
	}
	for name, text := range r.strings {
		flat[name] = text
	}
	return json.Marshal(flat)
}

func (r *results) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // not secret
}

// line is a line of the table: its title, the names of its figures and its goal. The goal applies to the ratio if
// there is one, and otherwise to the program's figure.
type line struct {
	what string
	against
	goal goal
}

// goal is a bound. The zero value means no goal.
type goal struct {
	sign  string // "≥" or "≤"
	bound float64
}

func (g goal) String() string { return strings.TrimSpace(g.sign + " " + short(g.bound)) }

func (g goal) met(figure float64) bool {
	return g.sign == "≥" && figure >= g.bound || g.sign == "≤" && figure <= g.bound
}

func atLeast(bound float64) goal { return goal{"≥", bound} }
func atMost(bound float64) goal  { return goal{"≤", bound} }

// table writes the lines that have results.
func (r *results) table(to io.Writer) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tUSHER\tLIMIT\tRATIO\tGOAL\t\tNOISE")
	for _, l := range lines {
		usher, ok := r.figures[l.usher]
		if _, measured := r.figures[l.limit]; !ok || l.limit != "" && !measured {
			continue
		}
		judged, verdict, wanted := usher, "", ""
		if ratio, ok := r.figures[l.ratio]; ok {
			judged = ratio
		}
		if l.goal != (goal{}) {
			wanted, verdict = l.goal.String(), "MISSED"
			if l.goal.met(judged) {
				verdict = "ok"
			}
		}
		noise := ""
		if n, ok := r.figures["noise_"+l.limit]; ok {
			noise = short(n) + " %"
		}
		fmt.Fprintln(w, strings.Join([]string{l.what, short(usher), r.cell(l.limit), r.cell(l.ratio), wanted, verdict, noise}, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	m := r.strings
	_, err := fmt.Fprintf(to, "\n%.0f CPUs, %s, Go %s, PostgreSQL %s, SQLite %s, load by %s\n", r.figures["machine_cpus"],
		m["machine_os"], m["machine_go"], m["machine_postgres"], m["machine_sqlite"], m["machine_generator"])
	return err
}

func (r *results) cell(name string) string {
	figure, ok := r.figures[name]
	if !ok {
		return ""
	}
	return short(figure)
}

// short formats a figure with three significant digits, or as a whole number from 100 on.
func short(figure float64) string {
	switch {
	case figure >= 100:
		return grouped(int(math.Round(figure)))
	case figure >= 10:
		return strconv.FormatFloat(figure, 'f', 1, 64)
	default:
		return strconv.FormatFloat(figure, 'f', 2, 64)
	}
}

// grouped formats a number with commas as thousands separators.
func grouped(n int) string {
	if n < 1000 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%s,%03d", grouped(n/1000), n%1000)
}
