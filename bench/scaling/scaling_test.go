package scaling

import (
	"math"
	"slices"
	"testing"
	"time"
)

// round are costs that make the sums easy.
var round = Measured{
	Costs: [kinds]Cost{
		Me:      {Statements: 1, Usher: time.Millisecond, Database: time.Millisecond / 2},
		Refresh: {Statements: 4, Usher: 2 * time.Millisecond, Database: time.Millisecond, WAL: 1000, WALAfterCheckpoint: 10_000, Dead: 1, Writes: true},
		Login:   {Statements: 10, Usher: 40 * time.Millisecond, Database: 2 * time.Millisecond, WAL: 2000, WALAfterCheckpoint: 20_000, Events: 1, Writes: true},
	},
	User: Row{1000, 500}, Session: Row{200, 300}, Event: Row{100, 100},
}

var roundAssumptions = Assumptions{
	PerDay: [kinds]float64{Me: 10, Refresh: 2, Login: 1}, Peak: 2, SessionDays: 5, EventDays: 100, Busy: 0.5,
	CoresPerReplica: 4, MaxConns: 10, RoundTrip: time.Millisecond, WALCopies: 2,
}

func TestOf(t *testing.T) {
	const users = 432_000 // so that an operation a day is 5 a second, and 10 at the peak
	s := round.Of(roundAssumptions, users)
	for name, c := range map[string]struct{ got, want float64 }{
		"me a second":            {s.PeakRate[Me], 100},
		"refresh a second":       {s.PeakRate[Refresh], 20},
		"login a second":         {s.PeakRate[Login], 10},
		"signup a second":        {s.PeakRate[Signup], 0},
		"statements":             {s.Statements, 100 + 80 + 100},
		"cores of Usher":         {s.UsherCores, (0.1 + 0.04 + 0.4) * 2},
		"of it hashing":          {s.HashCores, 0.4 * 2},
		"cores of the primary":   {s.DatabaseCores, (0.05 + 0.02 + 0.02) * 2},
		"replicas":               {s.Replicas, 2},
		"connections":            {s.Connections, 20},
		"connections in use":     {s.BusyConnections, 0.18 + 0.28},
		"WAL":                    {s.WAL, 20*1000 + 10*2000},
		"WAL after a checkpoint": {s.WALCheckpoint, 20*10_000 + 10*20_000},
		"WAL a day":              {s.WALDay, users * (2*10_000 + 20_000)},
		"network":                {s.Network, 2 * (20*10_000 + 10*20_000)},
		"sessions":               {s.Sessions, users * 10},
		"events":                 {s.Events, users * 100},
		"disk":                   {s.Disk, users * (1500 + 10*500 + 100*200)},
		"indexes":                {s.Indexes, users * (500 + 10*500)},
		"dead rows":              {s.DeadPerDay, users * (2 + 1)},
		"days to freeze":         {s.FreezeDays, 200e6 / (users * 3)},
	} {
		if math.Abs(c.got-c.want) > 1e-9*max(1, c.want) {
			t.Errorf("%s: got %g, want %g", name, c.got, c.want)
		}
	}
}

// TestEnds checks that an installation of the size of each end is at that limit.
func TestEnds(t *testing.T) {
	ends := round.Ends(roundAssumptions, Large)
	if !slices.IsSortedFunc(ends, func(a, b End) int { return int(math.Copysign(1, a.Users-b.Users)) }) {
		t.Errorf("not sorted: %v", ends)
	}
	at := func(part string) Size {
		i := slices.IndexFunc(ends, func(e End) bool { return e.Part == part })
		if i < 0 {
			t.Fatalf("no end of the %s", part)
		}
		return round.Of(roundAssumptions, ends[i].Users)
	}
	for part, c := range map[string]struct{ got, want float64 }{
		"processors of the primary":       {at("processors of the primary").DatabaseCores, Large.Cores},
		"WAL after a checkpoint":          {at("WAL after a checkpoint").WALCheckpoint, Large.WAL},
		"disk":                            {at("disk").Disk, Large.Disk},
		"memory for indexes and sessions": {at("memory for indexes and sessions").Indexes, Large.Memory},
		"connections in use (PgBouncer)":  {at("connections in use (PgBouncer)").BusyConnections, Large.Connections},
		"connections of the replicas":     {at("connections of the replicas").Connections, Large.Connections},
		"transaction numbers":             {at("transaction numbers").FreezeDays, Large.FreezeDays},
	} {
		if math.Abs(c.got-c.want) > 0.02*c.want { // replicas are whole
			t.Errorf("%s: %g at its end, want %g", part, c.got, c.want)
		}
	}
}

// TestStation checks one station against sums by hand.
func TestStation(t *testing.T) {
	type arrival struct {
		at, service float64
		end, waited float64
		length      int
		ok          bool
	}
	for name, c := range map[string]struct {
		station  station
		patience float64
		arrivals []arrival
	}{
		"two servers": {station{free: make(times, 2)}, 3, []arrival{
			{0, 4, 4, 0, 0, true},
			{0, 2, 2, 0, 0, true},
			{1, 5, 7, 1, 1, true},  // waits for the second server
			{1, 1, 5, 3, 2, true},  // for the first, as long as allowed
			{1, 1, 4, 3, 2, false}, // would wait longer, and leaves after that time
			{2, 1, 6, 3, 2, true},  // the one that left takes no place
			{8, 1, 9, 0, 0, true},
		}},
		"a short queue": {station{free: make(times, 1), queue: 1}, 30, []arrival{
			{0, 4, 4, 0, 0, true},
			{1, 1, 5, 3, 1, true},
			{1, 1, 1, 0, 1, false}, // one waits already
			{4, 1, 6, 1, 1, true},
		}},
	} {
		for i, want := range c.arrivals {
			end, waited, length, ok := c.station.arrive(want.at, want.service, want.at+c.patience)
			if got := (arrival{want.at, want.service, end, waited, length, ok}); got != want {
				t.Errorf("%s, arrival %d: got %+v, want %+v", name, i, got, want)
			}
		}
	}
}

// TestSimulateAgainstTheory compares the simulation with the M/M/1 queue, whose mean time in the system is 1/(μ−λ) and
// whose median and quantiles are those of an exponential distribution with that mean.
func TestSimulateAgainstTheory(t *testing.T) {
	m := Measured{Costs: [kinds]Cost{Me: {Database: 10 * time.Millisecond}}}
	o := m.Simulate(Cell{UsherCores: 1, DatabaseCores: 1, Timeout: time.Hour}, Load{Rate: [kinds]float64{Me: 70}, For: 2 * time.Hour}, 1)
	mean := 1 / (100.0 - 70)
	for name, c := range map[string]struct{ got, want float64 }{
		"p50": {o.P50.Seconds(), mean * math.Ln2},
		"p99": {o.P99.Seconds(), mean * math.Log(100)},
	} {
		if math.Abs(c.got-c.want) > 0.05*c.want {
			t.Errorf("%s: got %.4f s, want %.4f s", name, c.got, c.want)
		}
	}
	if o.Refused != 0 || o.Served != o.Arrived {
		t.Errorf("%+v", o)
	}
}

// TestSimulateBurst checks that every request is served or gone, and that the drain takes as long as the work.
func TestSimulateBurst(t *testing.T) {
	cell := Cell{UsherCores: 8, HashSlots: 4, HashQueue: 64, DatabaseCores: 2, Timeout: 20 * time.Second}
	for name, c := range map[string]struct {
		load    Load
		refused bool
		calm    [2]time.Duration
	}{
		"served within the timeout": {Load{Burst: 10_000, First: Refresh}, false, [2]time.Duration{5 * time.Second, 11 * time.Second}},
		"too many at once, who try again": {
			Load{Burst: 100_000, First: Refresh, Patience: 100, Pause: 10 * time.Second}, true, [2]time.Duration{50 * time.Second, 200 * time.Second},
		},
		"too many at once, who give up": {Load{Burst: 100_000, First: Refresh}, true, [2]time.Duration{19 * time.Second, 41 * time.Second}},
		"the same over ten minutes":     {Load{Burst: 100_000, First: Refresh, Over: 10 * time.Minute}, false, [2]time.Duration{}},
	} {
		t.Run(name, func(t *testing.T) {
			o := round.Simulate(cell, c.load, 1)
			if o.Arrived != o.Served+o.Refused {
				t.Errorf("requests are lost: %+v", o)
			}
			if c.load.Patience > 0 && o.Gone > 0 || (o.Refused > 0) != c.refused {
				t.Errorf("refused and gone: %+v", o)
			}
			if o.Calm < c.calm[0] || o.Calm > c.calm[1] {
				t.Errorf("calm after %s, want %s to %s", o.Calm, c.calm[0], c.calm[1])
			}
			if again := round.Simulate(cell, c.load, 1); again != o {
				t.Errorf("another outcome with the same seed: %+v, %+v", o, again)
			}
		})
	}
}
