package scaling

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

// Cell is what serves the load.
type Cell struct {
	UsherCores, DatabaseCores int
	HashSlots                 int           // passwords that are hashed at once; each needs a core, which it shares with nothing
	HashQueue                 int           // sign-ins that may wait for a slot
	Timeout                   time.Duration // how long a request waits before it is refused
}

// Load is what arrives.
type Load struct {
	Rate     [kinds]float64 // a second
	For      time.Duration
	Ramp     float64       // the rate rises from 1 to Ramp times Rate until the middle, and falls again
	Burst    int           // clients that arrive at once when the service is back, and then ask for `me`
	First    Kind          // what these clients do first
	Over     time.Duration // the time over which they arrive
	Patience int           // how often a client tries again
	Pause    time.Duration // the mean pause before that
}

// HashQueue is how many sign-ins may wait at a replica (USHER_HASH_QUEUE).
const HashQueue = 64

// Timeout is how long Usher works on a request.
const Timeout = 20 * time.Second

// CellOf is the cell for the size of an installation, with some times as many processors. Half of those of Usher hash, and no
// more: so it is in Usher while there are other requests.
func CellOf(s Size, a Assumptions, times float64) Cell {
	cores := int(s.Replicas * a.CoresPerReplica * times)
	return Cell{
		UsherCores: cores, DatabaseCores: int(max(2, ceil(s.DatabaseCores)) * times),
		HashSlots: cores / 2, HashQueue: int(s.Replicas*times) * HashQueue, Timeout: Timeout,
	}
}

// Outcome is what a simulation shows.
type Outcome struct {
	Arrived, Served, Refused, Gone int // requests; those that were refused are repeated, and gone is what gave up
	P50, P99, Worst                time.Duration
	Queue                          [stations]int // the longest queue of each station
	Calm                           time.Duration // when nobody has waited longer than a second for the last time
}

// The stations that a request passes.
const (
	usher = iota
	hashing
	database
	stations
)

// station serves in the order of arrival. A request whose time is over before its turn is refused, and uses nothing.
type station struct {
	free   times     // when each server is free
	starts []float64 // of the requests that wait
	queue  int       // requests that may wait; 0 for any number
}

// arrive returns when a request is finished, or when it is refused. It waits until latest.
func (s *station) arrive(at, service, latest float64) (end, waited float64, length int, ok bool) {
	for len(s.starts) > 0 && s.starts[0] <= at {
		s.starts = s.starts[1:]
	}
	waiting := len(s.starts)
	start := max(at, s.free[0])
	switch {
	case start > at && s.queue > 0 && waiting >= s.queue:
		return at, 0, waiting, false
	case start > latest:
		return latest, latest - at, waiting, false
	}
	if start > at {
		s.starts = append(s.starts, start)
		waiting++
	}
	s.free[0] = start + service
	heap.Fix(&s.free, 0)
	return start + service, start - at, waiting, true
}

type times []float64

func (t times) Len() int           { return len(t) }
func (t times) Less(i, j int) bool { return t[i] < t[j] }
func (t times) Swap(i, j int)      { t[i], t[j] = t[j], t[i] }

// Push and Pop are never called: the number of servers does not change.
func (t *times) Push(any) {}

// Pop implements heap.Interface.
func (t *times) Pop() any { return nil }

// event is a request on its way to a station.
type event struct {
	at, began float64
	kind      Kind
	station   int
	tries     int
	then      bool // asks for `me` afterwards
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }

// Push implements heap.Interface.
func (e *events) Push(x any) { *e = append(*e, x.(event)) } //nolint:forcetypeassert // only events

// Pop implements heap.Interface.
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

// simulation is a run.
type simulation struct {
	costs    [kinds]Cost
	load     Load
	stations [stations]*station
	events   events
	random   *rand.Rand
	latency  []float64
	outcome  Outcome
	timeout  float64
	calm     float64
}

// Simulate serves the load with the measured costs. A service time is exponentially distributed around the measured mean. The
// same seed has the same outcome.
func (m Measured) Simulate(c Cell, l Load, seed uint64) Outcome {
	s := simulation{costs: m.Costs, load: l, random: rand.New(rand.NewPCG(seed, 1))} //nolint:gosec // no secret
	s.timeout = c.Timeout.Seconds()
	s.stations = [stations]*station{
		usher:    {free: make(times, c.UsherCores-c.HashSlots)},
		hashing:  {free: make(times, c.HashSlots), queue: c.HashQueue},
		database: {free: make(times, c.DatabaseCores)},
	}
	for _, k := range Kinds {
		s.arrivals(k)
	}
	for range l.Burst {
		at := s.random.Float64() * l.Over.Seconds()
		s.events = append(s.events, event{at: at, began: at, kind: l.First, station: first(l.First), then: true})
	}
	heap.Init(&s.events)
	for len(s.events) > 0 {
		s.step(heap.Pop(&s.events).(event)) //nolint:forcetypeassert // only events
	}
	slices.Sort(s.latency)
	s.outcome.P50, s.outcome.P99, s.outcome.Worst = s.quantile(0.5), s.quantile(0.99), s.quantile(1)
	s.outcome.Calm = seconds(s.calm)
	return s.outcome
}

// arrivals adds the arrivals of a Poisson process whose rate rises and falls. It thins out one of the highest rate.
func (s *simulation) arrivals(k Kind) {
	top := s.load.Rate[k] * max(1, s.load.Ramp)
	if top == 0 {
		return
	}
	end := s.load.For.Seconds()
	for at := s.random.ExpFloat64() / top; at < end; at += s.random.ExpFloat64() / top {
		rate := s.load.Rate[k] * (1 + (max(1, s.load.Ramp)-1)*math.Sin(math.Pi*at/end))
		if s.random.Float64()*top < rate {
			s.events = append(s.events, event{at: at, began: at, kind: k, station: first(k)})
		}
	}
}

// first is the station where a kind of operation begins. The hash is most of a sign-in, so all of it counts as the hash.
func first(k Kind) int {
	if k == Login || k == Signup {
		return hashing
	}
	return usher
}

func (s *simulation) step(e event) {
	if e.at == e.began && e.station != database {
		s.outcome.Arrived++
	}
	mean := s.costs[e.kind].Usher
	if e.station == database {
		mean = s.costs[e.kind].Database
	}
	end, waited, length, ok := s.stations[e.station].arrive(e.at, s.random.ExpFloat64()*mean.Seconds(), e.began+s.timeout)
	s.outcome.Queue[e.station] = max(s.outcome.Queue[e.station], length)
	if waited > 1 {
		s.calm = max(s.calm, end)
	}
	switch {
	case !ok && e.tries >= s.load.Patience:
		s.outcome.Refused++
		s.outcome.Gone++
	case !ok:
		s.outcome.Refused++
		at := end + s.random.ExpFloat64()*s.load.Pause.Seconds()
		heap.Push(&s.events, event{at: at, began: at, kind: e.kind, station: first(e.kind), tries: e.tries + 1, then: e.then})
	case e.station != database:
		e.at, e.station = end, database
		heap.Push(&s.events, e)
	default:
		s.outcome.Served++
		s.latency = append(s.latency, end-e.began)
		if e.then {
			heap.Push(&s.events, event{at: end, began: end, kind: Me})
		}
	}
}

func (s *simulation) quantile(q float64) time.Duration {
	if len(s.latency) == 0 {
		return 0
	}
	return seconds(s.latency[int(math.Ceil(q*float64(len(s.latency))))-1])
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
