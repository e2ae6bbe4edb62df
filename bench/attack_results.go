package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The thirds of an experiment, and the kinds of owners, in the names of figures.
var (
	attackThirds = []string{"before", "during", "after"}
	attackOwners = []string{"known", "new"}
)

// attack records how the sign-ins of owners went in each third and in each step.
func (r *results) attack(limits string, a attacked, steps int) {
	for i, arrivals := range [][]arrival{a.known, a.fresh} {
		name := "attack_" + limits + "_" + attackOwners[i] + "_"
		for part, third := range attackThirds {
			begin := time.Duration(part*steps) * attackStep
			r.arrivals(name+third, within(arrivals, begin, begin+time.Duration(steps)*attackStep))
		}
		for step := range len(attackThirds) * steps {
			begin := time.Duration(step) * attackStep
			r.arrivals(name+fmt.Sprintf("%02d", step), within(arrivals, begin, begin+attackStep))
		}
	}
	r.set("attack_"+limits+"_guesses", float64(a.guesses["INVALID_CREDENTIALS"]))
	all := 0
	for _, n := range a.guesses {
		all += n
	}
	r.set("attack_"+limits+"_attempts", float64(all))
}

func within(arrivals []arrival, begin, end time.Duration) (some []arrival) {
	for _, a := range arrivals {
		if begin <= a.at && a.at < end {
			some = append(some, a)
		}
	}
	return some
}

// arrivals records the share of successful sign-ins, in percent, and their latencies.
func (r *results) arrivals(name string, arrivals []arrival) {
	var served []time.Duration
	for _, a := range arrivals {
		if a.code == "" {
			served = append(served, a.latency)
		}
	}
	slices.Sort(served)
	r.set(name+"_served_percent", float64(len(served))/float64(len(arrivals))*100)
	if len(served) > 0 {
		r.set(name+"_p50_ms", percentile(served, 50).Seconds()*1e3)
		r.set(name+"_p99_ms", percentile(served, 99).Seconds()*1e3)
	}
}

// attackLine is a line of the plot of an attack.
type attackLine struct{ label, name, class string }

// attackChart returns the chart of the sign-ins of owners during an attack.
func (r *results) attackChart(steps int) lineChart {
	seconds := int(attackStep.Seconds())
	c := lineChart{
		Title: fmt.Sprintf("Sign-ins of owners, while %d addresses guess passwords", attackers),
		Desc: "The share of successful sign-ins and their median latency, before, during and after an attack. On known devices all " +
			"succeed. On new devices they fail in the first seconds and then take longer, because a challenge must be solved. " +
			"Without rate limits most of those fail, and the others wait.",
		Height: 592, Axis: "seconds",
	}
	served := []attackLine{
		{"on known devices", "limited_known", "line me"},
		{"on new devices", "limited_new", "line login"},
		{"known, without rate limits", "unlimited_known", "line me sqlite"},
		{"new, without rate limits", "unlimited_new", "line login sqlite"},
	}
	most := 0.0
	for _, l := range served {
		for step := range len(attackThirds) * steps {
			most = max(most, r.figures[fmt.Sprintf("attack_%s_%02d_p50_ms", l.name, step)])
		}
	}
	step := niceStep(most / 5)
	c.Panels = []panel{
		r.attackPanel("Successful, percent", 0, steps, "_served_percent", 100, 20, served),
		r.attackPanel("Median latency with the solution, ms", 270, steps, "_p50_ms", math.Ceil(most/step)*step, step, served),
	}
	c.Panels[1].Band.Label = ""
	for i := range c.Panels {
		for third := range len(attackThirds) + 1 {
			c.Panels[i].Columns = append(c.Panels[i].Columns, tick{70 + third*400/len(attackThirds), strconv.Itoa(third * steps * seconds)})
		}
	}
	return c
}

// attackPanel returns a panel with a figure of each step. Its area is x = 70 to 470 and y = 270 (bottom) to 70 (top).
func (r *results) attackPanel(title string, top, steps int, figure string, most, tickStep float64, served []attackLine) panel {
	p := panel{Title: title, Top: top, From: 70, To: 270, Band: &band{70 + 400/len(attackThirds), 400 / len(attackThirds), "attack"}}
	y := func(value float64) int { return p.To - int(value/most*float64(p.To-p.From)) }
	for value := 0.0; value <= most; value += tickStep {
		p.Rows = append(p.Rows, tick{y(value), grouped(int(value))})
	}
	for i, l := range served {
		var points []string
		for step := range len(attackThirds) * steps {
			// A step in which nobody succeeded has no latency.
			if value, ok := r.figures[fmt.Sprintf("attack_%s_%02d%s", l.name, step, figure)]; ok {
				x := 70 + (2*step+1)*400/(2*len(attackThirds)*steps)
				points = append(points, fmt.Sprintf("%d,%d", x, y(value)))
			}
		}
		p.Lines = append(p.Lines, plotted{Label: l.label, Class: l.class, Points: strings.Join(points, " "), LegendY: 90 + 26*i})
	}
	return p
}
