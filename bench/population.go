package main

import (
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/password"
)

// population is who is in a database: users 0, 1, … with sessions 0, 1, …, which belong to the users
// in turn. All of a user or a session follows from its number.
type population struct {
	users    int
	sessions int // of each user
	hash     string
	at       time.Time // sessions began in the days before
}

// typedPassword is the password of all users.
const typedPassword = "four small green turtles"

// cheap makes hashes that cost next to nothing, for databases where nobody signs in over HTTP.
var cheap = password.New(password.Options{CheapForTests: true})

// sessionSpan is the time in which the sessions began, evenly.
const sessionSpan = 5 * 24 * time.Hour

func userID(n int) uuid.UUID {
	return uuid.MustParse(fmt.Sprintf("01940000-0000-7000-8000-%012d", n))
}

func userName(n int) string { return fmt.Sprintf("User%07d", n) }

func (p population) createdAt(n int) time.Time {
	return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// sessionStart is when session k began.
func (p population) sessionStart(k int) time.Time {
	// In hours of float64 this is exact enough, and does not overflow.
	part := float64(k) / float64(p.users*p.sessions)
	return p.at.Add(-sessionSpan + time.Duration(part*float64(sessionSpan-time.Hour))).UTC().Truncate(time.Millisecond)
}

// sessionID is a UUID of version 7, as the program makes them: in the order of time.
func (p population) sessionID(k int) uuid.UUID {
	ms := p.sessionStart(k).UnixMilli()
	return uuid.MustParse(fmt.Sprintf("%08x-%04x-7000-8000-%012d", ms>>16, ms&0xffff, k))
}

// some returns users in an order that is all over the place: no two of them while there are others.
func (p population) some(i int) int {
	const prime = 2654435761   // near the golden ratio of 2^32
	return i * prime % p.users // far from an overflow, for numbers of users
}

// sessionOf is one of the sessions of user n.
func (p population) sessionOf(n int) uuid.UUID { return p.sessionID(n + n%p.sessions*p.users) }

// profile is what `me` answers to user n, field by field as the query asks for them.
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
