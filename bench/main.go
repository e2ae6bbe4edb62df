// Package main owns the bench. It measures the real program against handlers that do the minimum work for an
// answer. It prints the results, stores them and draws plots.
//
// Programs to compare run alternately on the same machine, in several rounds, so that other load on the machine
// affects all of them. The figures are medians of the rounds. Every answer is checked. Programs under test are
// separate processes, so that their processor time and memory do not include those of the client.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// now is the real clock, because the bench measures time.
var now = time.Now

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends the process at once
	if err := command(ctx, os.Args[1:]); err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted") // other errors are consequences of that
		}
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:forbidigo // a program, like those in cmd
	}
}

// command runs the bench, the measurements for docs/scaling.md, or one of the programs that the bench starts as separate
// processes.
func command(ctx context.Context, args []string) error {
	programs := map[string]func(context.Context, []string) error{
		"limit": limitProgram, "hash": hashProgram, "flood": floodProgram, "slow": slowProgram, "scaling": scalingProgram,
	}
	if len(args) > 0 && programs[args[0]] != nil {
		return programs[args[0]](ctx, args[1:])
	}
	o, err := parseOptions(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return run(ctx, o)
}

// options are the flags of the bench.
type options struct {
	usher     string   // the program under test
	before    string   // another version of the program to compare with; empty for none
	generator string   // "wrk" or "own"
	only      []string // names of scenarios
	short     bool
	results   string   // path of the results file
	plots     string   // folder for plots; empty for none
	profile   string   // folder for profiles; if set, the bench profiles instead of measuring
	database  []string // settings of PostgreSQL instead of those for speed
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.StringVar(&o.usher, "usher", "../bin/usher", "the `program` to measure")
	flags.StringVar(&o.before, "before", "", "another version of the `program` for the scenario before")
	flags.BoolVar(&o.short, "short", false, "fewer and shorter rounds: about five minutes in all")
	flags.StringVar(&o.results, "results", "results.json", "the `file` to write the figures to")
	flags.StringVar(&o.plots, "plots", "", "the `folder` to draw plots into")
	flags.StringVar(&o.profile, "profile", "", "take profiles into that `folder` instead of measuring; needs a program built with -tags profile")
	flags.StringVar(&o.generator, "generator", "auto", "what makes the load: wrk, own, or auto, which is wrk where it is installed")
	only := flags.String("only", strings.Join(names(scenarios), ","), "the scenarios to run")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.only = strings.Split(*only, ",")
	for _, name := range o.only {
		if !slices.Contains(names(scenarios), name) {
			return o, fmt.Errorf("-only: unknown scenario %q, want one of %s", name, strings.Join(names(scenarios), ", "))
		}
	}
	var err error
	o.generator, err = chooseGenerator(o.generator)
	return o, err
}

// scenario is one group of figures.
type scenario struct {
	name string
	run  func(context.Context, *bench) error
}

// scenarios are all scenarios in the order in which they run.
var scenarios = []scenario{
	{"me", measureMe},
	{"login", measureLogin},
	{"flood", measureFlood},
	{"attack", measureAttack},
	{"overload", measureOverload},
	{"refresh", measureRefresh},
	{"algorithms", measureAlgorithms},
	{"footprint", measureFootprint},
	{"growth", measureGrowth},
	{"before", measureBefore},
}

func names(scenarios []scenario) []string {
	var all []string
	for _, s := range scenarios {
		all = append(all, s.name)
	}
	return all
}

// run runs the scenarios that the options select.
func run(ctx context.Context, o options) (err error) {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }() //nolint:contextcheck // It must also clean up after a cancelled run.
	if o.profile != "" {
		return takeProfiles(ctx, b)
	}
	begin := now()
	for _, s := range scenarios {
		if !slices.Contains(o.only, s.name) {
			continue
		}
		b.say("%s", s.name)
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	b.results.set("bench_seconds", now().Sub(begin).Seconds())
	if err := b.results.write(o.results); err != nil {
		return err
	}
	if o.plots != "" {
		if err := b.results.draw(o.plots, b.sizes, b.attackSteps()); err != nil {
			return err
		}
	}
	return b.results.table(os.Stdout)
}
