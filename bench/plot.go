package main

import (
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"text/template"
)

//go:embed *.svg.tmpl
var plotFiles embed.FS

// plots are the templates of the plots. They contain no text from outside, so nothing is escaped.
var plots = template.Must(template.ParseFS(plotFiles, "*.svg.tmpl"))

// draw writes plots of the results to a folder. steps are those of a third of an attack.
func (r *results) draw(folder string, sizes []int, steps int) error {
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // a public folder of the documentation
		return err
	}
	write := func(name, form string, data any) error {
		f, err := os.Create(filepath.Join(folder, name))
		if err != nil {
			return err
		}
		return errors.Join(plots.ExecuteTemplate(f, form, data), f.Close())
	}
	var errs []error
	if r.has("me_postgres_c32_rps") {
		errs = append(errs, write("me.svg", "bars.svg.tmpl", r.meChart()))
	}
	if r.has("me_flood_rps") {
		errs = append(errs, write("flood.svg", "bars.svg.tmpl", r.floodChart()))
	}
	if r.has("growth_me_postgres") {
		errs = append(errs, write("growth.svg", "lines.svg.tmpl", r.growthChart(sizes)))
	}
	if r.has("attack_limited_attempts") {
		errs = append(errs, write("attack.svg", "lines.svg.tmpl", r.attackChart(steps)))
	}
	return errors.Join(errs...)
}

func (r *results) has(name string) bool {
	_, ok := r.figures[name]
	return ok
}

// barChart is a chart of horizontal bars in groups.
type barChart struct {
	Title, Desc string
	Height      int
	Groups      []barGroup
}

type barGroup struct {
	Title string
	Y     int
	Bars  []bar
}

type bar struct {
	Label, Class, Text string
	Y, TextY           int
	Width, End         int
	value              float64
}

// longest is the width of the longest bar, in units of the plot. Bars start at x = 142.
const longest = 440

// layOut arranges groups below each other. Bars with the same unit have the same scale.
func layOut(title, desc string, shared bool, groups ...barGroup) barChart {
	most := make([]float64, len(groups))
	for i, g := range groups {
		for _, b := range g.Bars {
			most[i] = max(most[i], b.value)
			if shared {
				most[0] = max(most[0], b.value)
			}
		}
	}
	y := 62
	for i := range groups {
		groups[i].Y = y
		y += 10
		for j := range groups[i].Bars {
			b, scale := &groups[i].Bars[j], most[i]
			if shared {
				scale = most[0]
			}
			b.Y, b.TextY = y, y+15
			b.Width = max(1, int(b.value/scale*longest))
			b.End = 142 + b.Width + 8
			y += 26
		}
		y += 24
	}
	return barChart{title, desc, y - 14, groups}
}

func (r *results) bar(label, class, name, unit string) bar {
	figure := r.figures[name]
	return bar{Label: label, Class: class, Text: short(figure) + " " + unit, value: figure}
}

func (r *results) meChart() barChart {
	group := func(title, kind string) barGroup {
		return barGroup{Title: title, Bars: []bar{
			r.bar("Usher", "usher", "me_"+kind+"_c32_rps", fmt.Sprintf("/s, %.2f ×", r.figures["me_"+kind+"_c32_vs_tuned"])),
			r.bar("gqlgen, tuned", "other", "tuned_"+kind+"_c32_rps", "/s"),
			r.bar("gqlgen, default", "other", "gqlgen_"+kind+"_c32_rps", "/s"),
			r.bar("no GraphQL", "other", "limit_"+kind+"_c32_rps", "/s"),
		}}
	}
	return layOut("me: requests per second at 32 connections",
		"Usher beside gqlgen alone with the same SELECT, and a plain handler without GraphQL, on each database.",
		true, group("PostgreSQL", onPostgres), group("SQLite", onSQLite))
}

func (r *results) floodChart() barChart {
	group := func(title, name, unit string) barGroup {
		return barGroup{Title: title, Bars: []bar{
			r.bar("in a flood", "usher", "me_flood_"+name, unit),
			r.bar("undisturbed", "other", "me_calm_"+name, unit),
		}}
	}
	return layOut("me during a flood of logins over 32 connections",
		"Requests per second and the 99th percentile of latency, during a flood of logins and without it.",
		false, group("Throughput", "rps", "/s"), group("Latency, 99th percentile", "p99_ms", "ms"))
}

// lineChart is a chart of panels with lines. Axis is the title of their x axis.
type lineChart struct {
	Title, Desc, Axis string
	Height            int
	Panels            []panel
}

// panel is one area with lines, from y = From to y = To. Top is added to all of its y.
type panel struct {
	Title         string
	Top, From, To int
	Band          *band
	Rows, Columns []tick
	Lines         []plotted
}

// Height returns the height of the area.
func (p panel) Height() int { return p.To - p.From }

// band is a part of the x axis with a label.
type band struct {
	At, Width int
	Label     string
}

// End returns the right edge of the band.
func (b band) End() int { return b.At + b.Width }

type tick struct {
	At    int
	Label string
}

type plotted struct {
	Label, Class, Points string
	LegendY              int
}

// growthChart returns the chart of latencies. Its area is x = 70 to 470 and y = 310 (bottom) to 50 (top).
func (r *results) growthChart(sizes []int) lineChart {
	c := lineChart{
		Title: "Latency as the database grows, in microseconds",
		Desc: "The median latency of me, refresh and login without its hash, one request at a time, " +
			"on databases of more and more users. Flat is good.",
		Height: 360, Axis: "users, each with three sessions",
	}
	p := panel{From: 50, To: 310}
	most := 0.0
	for name, figure := range r.figures {
		if strings.HasPrefix(name, "growth_") && strings.HasSuffix(name, "_us") {
			most = max(most, figure)
		}
	}
	step := niceStep(most / 5)
	top := math.Ceil(most/step) * step
	y := func(us float64) int { return 310 - int(us/top*260) }
	x := func(users int) int {
		first, last := math.Log10(float64(sizes[0])), math.Log10(float64(sizes[len(sizes)-1]))
		return 70 + int((math.Log10(float64(users))-first)/(last-first)*400)
	}
	for us := 0.0; us <= top; us += step {
		p.Rows = append(p.Rows, tick{y(us), grouped(int(us))})
	}
	for _, users := range sizes {
		p.Columns = append(p.Columns, tick{x(users), grouped(users)})
	}
	for _, kind := range kinds {
		for _, verb := range growthVerbs {
			var points []string
			for _, users := range sizes {
				points = append(points, fmt.Sprintf("%d,%d", x(users), y(r.figures[growthName(verb, kind, users)])))
			}
			title := map[string]string{onPostgres: "PostgreSQL", onSQLite: "SQLite"}[kind]
			p.Lines = append(p.Lines, plotted{
				Label: fmt.Sprintf("%s, %s: %.2f ×", verb, title, r.figures["growth_"+verb+"_"+kind]),
				Class: "line " + verb + " " + kind, Points: strings.Join(points, " "),
				LegendY: 70 + 26*len(p.Lines),
			})
		}
	}
	c.Panels = []panel{p}
	return c
}

// niceStep rounds a step up to 1, 2, 5, 10, 20, ….
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, nice := range []float64{1, 2, 5} {
		if step <= nice*power {
			return nice * power
		}
	}
	return 10 * power
}
