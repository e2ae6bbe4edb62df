// Package scaling owns the arithmetic of docs/scaling.md. It computes the size of an installation from what one operation and
// one row cost, and simulates what happens when everybody arrives at once. It measures nothing.
package scaling

import (
	"time"
)

// Kind is a kind of operation.
type Kind int

// The kinds of operations that make up the load.
const (
	Me Kind = iota
	Refresh
	Login
	Signup
	kinds
)

// Kinds are all kinds in the order of the tables.
var Kinds = [kinds]Kind{Me, Refresh, Login, Signup}

func (k Kind) String() string { return [kinds]string{"me", "refresh", "login", "signup"}[k] }

// Cost is what one operation costs.
type Cost struct {
	Statements         float64       // with BEGIN and COMMIT
	Usher              time.Duration // processor time of Usher
	Database           time.Duration // processor time of PostgreSQL
	Latency            time.Duration // on one connection, without other load
	WAL                float64       // bytes, without images of pages
	WALAfterCheckpoint float64       // bytes, with an image of each page that changes for the first time
	Buffers            float64       // pages that PostgreSQL looks at
	Dead               float64       // rows that vacuum has to remove
	Events             float64       // rows of the audit log
	Writes             bool          // uses a transaction number
}

// Row is the size of a row in bytes.
type Row struct{ Heap, Indexes float64 }

// Total is the size of a row with its index entries.
func (r Row) Total() float64 { return r.Heap + r.Indexes }

// Measured is what was measured.
type Measured struct {
	Costs   [kinds]Cost
	User    Row // with the credential
	Session Row
	Event   Row
}

// Assumptions are what the users of an installation do. Nothing in Usher determines them.
type Assumptions struct {
	PerDay          [kinds]float64 // operations of a user and day; for users that are not active too
	Peak            float64        // the rate of the busiest hour, as a multiple of the mean
	SessionDays     float64        // how long the row of a session stays
	EventDays       float64        // how long an event of the audit log stays
	Busy            float64        // the part of the processors that the peak may use
	CoresPerReplica float64
	MaxConns        float64       // connections of a replica
	RoundTrip       time.Duration // between Usher and PostgreSQL, for each statement
	WALCopies       float64       // copies of the WAL that leave the primary
}

// Usual are the assumptions of docs/scaling.md. A fifth of the users is active on a day. An active user opens the application
// for about an hour and a half in all. Everybody signs in once in two weeks, and 0.1 % of the users are new each day.
var Usual = Assumptions{
	PerDay:      [kinds]float64{Me: 4, Refresh: 1.2, Login: 1.0 / 14, Signup: 0.001},
	Peak:        3,
	SessionDays: 8, // a session that nobody refreshes ends after 7 days, and its row stays a day longer
	EventDays:   365, Busy: 0.5, CoresPerReplica: 8, MaxConns: 16, RoundTrip: time.Millisecond / 2, WALCopies: 2,
}

// Sessions is the number of rows of sessions of a user. A session that is refreshed stays for up to SessionDays after the
// last refresh, so this counts each for twice as long.
func (a Assumptions) Sessions() float64 {
	return (a.PerDay[Login] + a.PerDay[Signup]) * 2 * a.SessionDays
}

// Size is the size of an installation.
type Size struct {
	Users            float64
	PeakRate         [kinds]float64 // operations a second in the busiest hour
	Statements       float64        // a second at the peak
	UsherCores       float64        // at the peak, with the part that stays free
	DatabaseCores    float64
	HashCores        float64 // the part of UsherCores for sign-ins and sign-ups
	Replicas         float64
	Connections      float64 // that the replicas open
	BusyConnections  float64 // that are in use at the same time
	WAL              float64 // bytes a second at the peak
	WALCheckpoint    float64 // the same directly after a checkpoint
	WALDay           float64 // bytes a day, at most: with all images
	Network          float64 // bytes a second for standbys, after a checkpoint
	Sessions, Events float64 // rows
	Disk             float64 // bytes
	Indexes          float64 // bytes of the indexes of users and sessions, and of live sessions
	DeadPerDay       float64 // rows
	FreezeDays       float64 // days until autovacuum must read all tables because of transaction numbers
}

const (
	day = 24 * 60 * 60.0
	// freezeAge is PostgreSQL's autovacuum_freeze_max_age, in transactions.
	freezeAge = 200e6
)

// Of computes the size of an installation.
func (m Measured) Of(a Assumptions, users float64) Size {
	s := Size{Users: users, Sessions: users * a.Sessions()}
	writes, busy := 0.0, 0.0
	for _, k := range Kinds {
		c := m.Costs[k]
		perDay := users * a.PerDay[k]
		rate := perDay / day * a.Peak
		s.PeakRate[k] = rate
		s.Statements += rate * c.Statements
		s.UsherCores += rate * c.Usher.Seconds() / a.Busy
		s.DatabaseCores += rate * c.Database.Seconds() / a.Busy
		if k == Login || k == Signup {
			s.HashCores += rate * c.Usher.Seconds() / a.Busy
		}
		// A connection is in use while PostgreSQL works and while the statement and its answer travel.
		busy += rate * (c.Database.Seconds()/a.Busy + c.Statements*a.RoundTrip.Seconds())
		s.WAL += rate * c.WAL
		s.WALCheckpoint += rate * c.WALAfterCheckpoint
		s.WALDay += perDay * c.WALAfterCheckpoint
		s.DeadPerDay += perDay * c.Dead
		s.Events += perDay * c.Events * a.EventDays
		if c.Writes {
			writes += perDay
		}
	}
	s.BusyConnections = busy
	s.Replicas = max(2, ceil(s.UsherCores/a.CoresPerReplica))
	s.Connections = s.Replicas * a.MaxConns
	s.Network = s.WALCheckpoint * a.WALCopies
	s.DeadPerDay += s.Sessions / (2 * a.SessionDays) // each session is deleted once
	s.Disk = users*m.User.Total() + s.Sessions*m.Session.Total() + s.Events*m.Event.Total()
	s.Indexes = users*m.User.Indexes + s.Sessions*m.Session.Total()
	s.FreezeDays = freezeAge / writes
	return s
}

func ceil(x float64) float64 {
	whole := float64(int64(x))
	if whole < x {
		whole++
	}
	return whole
}

// Limits are what one primary can do: the size of a large machine, and not a measurement.
type Limits struct {
	Cores, WAL, Disk, Memory, Connections, FreezeDays float64
}

// Large is the machine of docs/scaling.md: 32 cores, 256 GB of memory and 8 TB of disk, which writes 200 MB/s of WAL.
// Autovacuum must read all tables at most once a day.
var Large = Limits{Cores: 32, WAL: 200e6, Disk: 8e12, Memory: 256e9, Connections: 500, FreezeDays: 1}

// End is where a part of an installation ends.
type End struct {
	Part  string
	Users float64
}

// Ends returns the number of users at which each part of one primary reaches its limit, the first one first.
func (m Measured) Ends(a Assumptions, l Limits) []End {
	const unit = 1e9 // so many users that the least number of replicas does not matter
	s := m.Of(a, unit)
	ends := []End{
		{"processors of the primary", unit * l.Cores / s.DatabaseCores},
		{"WAL after a checkpoint", unit * l.WAL / s.WALCheckpoint},
		{"disk", unit * l.Disk / s.Disk},
		{"memory for indexes and sessions", unit * l.Memory / s.Indexes},
		{"connections of the replicas", unit * l.Connections / s.Connections},
		{"connections in use (PgBouncer)", unit * l.Connections / s.BusyConnections},
		{"transaction numbers", unit * s.FreezeDays / l.FreezeDays},
	}
	for i := 1; i < len(ends); i++ {
		for j := i; j > 0 && ends[j].Users < ends[j-1].Users; j-- {
			ends[j], ends[j-1] = ends[j-1], ends[j]
		}
	}
	return ends
}
