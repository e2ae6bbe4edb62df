package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/password"
)

// population is the content of a database: users 0, 1, … and sessions 0, 1, …. Session k belongs to user k modulo
// the number of users. All values of a user or a session are computed from its number.
type population struct {
	users    int
	sessions int // sessions of each user
	hash     string
	at       time.Time // all sessions began in the sessionSpan before
}

// typedPassword is the password of all users.
const typedPassword = "four small green turtles"

// cheap computes hashes in almost no time, for databases without logins over HTTP.
var cheap = password.New(password.Options{CheapForTests: true})

// sessionSpan is the time over which the starts of sessions are evenly distributed.
const sessionSpan = 5 * 24 * time.Hour

func userID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("01940000-0000-7000-8000-%012d", n))
}

// userName returns the name of a user. Names are not in the order of ids, so that their indexes are as full as those of real
// names.
func userName(n int) string { return fmt.Sprintf("User%07d", n*7654321%10_000_000) }

func (p population) createdAt(n int) time.Time {
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// sessionStart returns the start time of session k.
func (p population) sessionStart(k int) time.Time {
	// float64 is precise enough here, and integers would overflow.
	part := float64(k) / float64(p.users*p.sessions)
	return p.at.Add(-sessionSpan + time.Duration(part*float64(sessionSpan-time.Hour))).UTC().Truncate(time.Millisecond)
}

// sessionID returns the ID of session k, a UUID of version 7 like the program's. IDs sort by time.
func (p population) sessionID(k int) uuid.UUID {
	ms := p.sessionStart(k).UnixMilli()
	return uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012d", ms>>16, ms&0xffff, k))
}

// some returns the i-th user in a pseudorandom order of all users.
func (p population) some(i int) int {
	const prime = 2654435761   // near the golden ratio of 2^32
	return i * prime % p.users // far from an overflow, for numbers of users
}

// sessionOf returns the ID of one of the sessions of user n.
func (p population) sessionOf(n int) uuid.UUID { return p.sessionID(n + n%p.sessions*p.users) }

// profile is the answer of `me` for a user, with the fields in the order of the query.
type profile struct {
	ID        string    `json:"id"`
	Username  string    `json:"username"`
	Email     string    `json:"email"`
	Roles     []string  `json:"roles"`
	CreatedAt time.Time `json:"createdAt"`
}

func (p population) profile(n int) profile {
	name := userName(n)
	return profile{
		ID: userID(n).String(), Username: name, Email: name + "@example.com",
		Roles: []string{"USER"}, CreatedAt: p.createdAt(n),
	}
}
