package throttle

import (
	"sync"
	"time"
)

// pressure is how many of the checks of credentials have failed in the last minutes, on this server. Uses on known devices
// do not count.
type pressure struct {
	mu      sync.Mutex
	minutes [pressureMinutes]minute
}

type minute struct{ number, uses, guesses int64 }

const (
	pressureMinutes = 10
	// fewUses are too few to tell an attack from users that mistype.
	fewUses = 50
	// maxFactor limits the price of a challenge. The owner of an old phone has to pay it too.
	maxFactor = 16
)

// note counts a use.
func (p *pressure) note(now time.Time, guess bool) {
	number := now.Unix() / 60
	p.mu.Lock()
	defer p.mu.Unlock()
	m := &p.minutes[number%pressureMinutes]
	if m.number != number {
		*m = minute{number: number}
	}
	if m.uses++; guess {
		m.guesses++
	}
}

// price returns by how much a challenge costs more than usual: from 1, while at least every second use succeeds, to 4, when
// all fail.
func (p *pressure) price(now time.Time) float64 {
	var uses, guesses float64
	number := now.Unix() / 60
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.minutes {
		if m.number > number-pressureMinutes && m.number <= number {
			uses, guesses = uses+float64(m.uses), guesses+float64(m.guesses)
		}
	}
	if uses < fewUses {
		return 1
	}
	return 1 + 6*max(guesses/uses-0.5, 0)
}
