package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"usher/bench/scaling"
)

// writeScaling writes the tables of docs/scaling.md in Markdown. The arithmetic uses the figures of the largest database.
// The simulations are of a cell with some number of users.
func writeScaling(to io.Writer, sizes []int, all []scaling.Measured, simulated float64) error {
	m := all[len(all)-1]
	var text strings.Builder
	costTable(&text, sizes, all)
	rowTable(&text, sizes, all)
	sizeTable(&text, m, scaling.Usual)
	endTable(&text, m, scaling.Usual)
	simulationTable(&text, m, scaling.Usual, simulated)
	_, err := io.WriteString(to, text.String())
	return err
}

// markdownRow writes a row of a Markdown table.
func markdownRow(to *strings.Builder, cells ...string) {
	fmt.Fprintf(to, "| %s |\n", strings.Join(cells, " | "))
}

func head(to *strings.Builder, cells ...string) {
	to.WriteString("\n")
	markdownRow(to, cells...)
	markdownRow(to, strings.Split(strings.Repeat("---,", len(cells)-1)+"---", ",")...)
}

func costTable(to *strings.Builder, sizes []int, all []scaling.Measured) {
	head(to, "operation", "users", "statements", "processor of Usher, ms", "of PostgreSQL, ms", "median, ms", "pages read",
		"WAL, bytes", "WAL after a checkpoint, bytes", "rows for vacuum", "events")
	for _, k := range scaling.Kinds {
		for i, m := range all {
			c := m.Costs[k]
			markdownRow(to, "`"+k.String()+"`", grouped(sizes[i]), fmt.Sprintf("%.1f", c.Statements), millis(c.Usher), millis(c.Database),
				millis(c.Latency), fmt.Sprintf("%.0f", c.Buffers), grouped(int(c.WAL)), grouped(int(c.WALAfterCheckpoint)),
				fmt.Sprintf("%.1f", c.Dead), fmt.Sprintf("%.0f", c.Events))
		}
	}
}

func rowTable(to *strings.Builder, sizes []int, all []scaling.Measured) {
	head(to, "row, bytes", "users", "table", "indexes", "together")
	for i, m := range all {
		for _, r := range []struct {
			what string
			scaling.Row
		}{{"user with password", m.User}, {"session", m.Session}, {"event of the audit log", m.Event}} {
			markdownRow(to, r.what, grouped(sizes[i]), short(r.Heap), short(r.Indexes), short(r.Total()))
		}
	}
}

// installations are the numbers of users in the tables.
var installations = []float64{1e6, 10e6, 100e6}

func sizeTable(to *strings.Builder, m scaling.Measured, a scaling.Assumptions) {
	head(to, "users", "1 million", "10 million", "100 million")
	of := func(what string, figure func(scaling.Size) string) {
		cells := []string{what}
		for _, users := range installations {
			cells = append(cells, figure(m.Of(a, users)))
		}
		markdownRow(to, cells...)
	}
	for _, k := range scaling.Kinds {
		of("`"+k.String()+"` a second", func(s scaling.Size) string { return short(s.PeakRate[k]) })
	}
	of("statements a second", func(s scaling.Size) string { return short(s.Statements) })
	of("cores of Usher", func(s scaling.Size) string { return short(s.UsherCores) })
	of("of these for hashes", func(s scaling.Size) string { return short(s.HashCores) })
	of("replicas of 8 cores", func(s scaling.Size) string { return short(s.Replicas) })
	of("cores of the primary", func(s scaling.Size) string { return short(s.DatabaseCores) })
	of("connections open / in use", func(s scaling.Size) string { return short(s.Connections) + " / " + short(s.BusyConnections) })
	of("WAL, MB/s", func(s scaling.Size) string { return short(s.WAL / 1e6) })
	of("WAL after a checkpoint, MB/s", func(s scaling.Size) string { return short(s.WALCheckpoint / 1e6) })
	of("network to two standbys, Mbit/s", func(s scaling.Size) string { return short(s.Network * 8 / 1e6) })
	of("WAL to archive, at most, GB a day", func(s scaling.Size) string { return short(s.WALDay / 1e9) })
	of("rows of sessions, millions", func(s scaling.Size) string { return short(s.Sessions / 1e6) })
	of("events in a year, millions", func(s scaling.Size) string { return short(s.Events / 1e6) })
	of("disk, GB", func(s scaling.Size) string { return short(s.Disk / 1e9) })
	of("indexes and sessions, GB", func(s scaling.Size) string { return short(s.Indexes / 1e9) })
	of("rows for vacuum, millions a day", func(s scaling.Size) string { return short(s.DeadPerDay / 1e6) })
	of("days until a vacuum to freeze", func(s scaling.Size) string { return short(s.FreezeDays) })
}

func endTable(to *strings.Builder, m scaling.Measured, a scaling.Assumptions) {
	head(to, "part", "ends at, million users")
	for _, e := range m.Ends(a, scaling.Large) {
		markdownRow(to, e.Part, short(e.Users/1e6))
	}
}

// simulated is a row of the table of simulations.
type simulated struct {
	what  string
	times float64 // the processors, as a multiple of those for the peak
	load  scaling.Load
}

// simulations are what a cell is exposed to. 2 % of its users have the application open.
func simulations(size scaling.Size) []simulated {
	const again, open = 10, 0.02
	clients := int(size.Users * open)
	peak := func(of float64) (rate [len(scaling.Kinds)]float64) {
		for k := range rate {
			rate[k] = size.PeakRate[k] * of
		}
		return rate
	}
	back := func(first scaling.Kind, over, pause time.Duration) scaling.Load {
		return scaling.Load{Rate: peak(1), For: 3 * time.Minute, Burst: clients, First: first, Over: over, Patience: again, Pause: pause}
	}
	return []simulated{
		{"the busiest hour, ten minutes of it", 1, scaling.Load{Rate: peak(1), For: 10 * time.Minute}},
		{"the rate rises to three times the peak and falls, in ten minutes", 1, scaling.Load{Rate: peak(1), For: 10 * time.Minute, Ramp: 3}},
		{"all refresh in one second, pause 5 s", 1, back(scaling.Refresh, time.Second, 5*time.Second)},
		{"all refresh in one second, pause 60 s", 1, back(scaling.Refresh, time.Second, time.Minute)},
		{"all refresh in a minute", 1, back(scaling.Refresh, time.Minute, 5*time.Second)},
		{"all refresh in one second, twice the processors", 2, back(scaling.Refresh, time.Second, 5*time.Second)},
		{"all sign in within a minute, pause 60 s", 1, back(scaling.Login, time.Minute, time.Minute)},
		{"all sign in within an hour", 1, back(scaling.Login, time.Hour, time.Minute)},
	}
}

func simulationTable(to *strings.Builder, m scaling.Measured, a scaling.Assumptions, users float64) {
	size := m.Of(a, users)
	head(to, "load", "cores of Usher / PostgreSQL", "requests", "refused", "clients that gave up", "p50", "p99",
		"longest queue: Usher / hash / PostgreSQL", "last wait over 1 s")
	for i, s := range simulations(size) {
		cell := scaling.CellOf(size, a, s.times)
		o := m.Simulate(cell, s.load, uint64(i))
		markdownRow(to, s.what, fmt.Sprintf("%d / %d", cell.UsherCores, cell.DatabaseCores), grouped(o.Arrived), grouped(o.Refused), grouped(o.Gone),
			wait(o.P50), wait(o.P99), fmt.Sprintf("%s / %s / %s", grouped(o.Queue[0]), grouped(o.Queue[1]), grouped(o.Queue[2])), wait(o.Calm))
	}
}

func millis(d time.Duration) string { return short(d.Seconds() * 1e3) }

// wait formats a duration of a simulation.
func wait(d time.Duration) string {
	switch {
	case d == 0:
		return "-"
	case d < time.Second:
		return short(d.Seconds()*1e3) + " ms"
	default:
		return short(d.Seconds()) + " s"
	}
}
