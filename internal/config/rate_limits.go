package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Limits are the settings of rate limits. They are part of Server. The command that prints the limits needs no other
// part of it.
type Limits struct {
	RateLimits RateLimits `environ:"USHER_RATE_LIMITS" placeholder:"NAME=MAX/PERIOD,..." example:"login=300/1m,login-failures=300/1h,signup=off" help:"Rate limits that differ from the schema, by name. A period is a number and a unit, such as 30s, 1m or 24h. NAME=off turns a limit off, and *=off all that have no value of their own. usher schema access prints all limits. docs/rate-limits.md has the reasons for the defaults."`
}

// RateLimits replace the numbers of rate limits by name. AllRateLimits stands for all other limits.
type RateLimits map[string]RateLimit

// RateLimit allows Max in Per. Zero turns a limit off.
type RateLimit struct {
	Max int
	Per time.Duration
}

// AllRateLimits is the name of all rate limits that have no value of their own.
const AllRateLimits = "*"

// UnmarshalText parses a comma-separated list of NAME=MAX/PERIOD and NAME=off. Only the schema knows which names and
// numbers are possible.
func (r *RateLimits) UnmarshalText(text []byte) error {
	limits := RateLimits{}
	for element := range strings.SplitSeq(string(text), ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(element), "=")
		if !ok || name == "" {
			return fmt.Errorf("must be NAME=MAX/PERIOD, such as login=300/1m, or NAME=off, not %q", element)
		}
		if _, again := limits[name]; again {
			return fmt.Errorf("has %s twice", name)
		}
		limit, err := parseRateLimit(value)
		if err != nil {
			return fmt.Errorf("%s %w, not %q", name, err, value)
		}
		if name == AllRateLimits && limit != (RateLimit{}) {
			return errors.New("* stands for all rate limits and can only be off")
		}
		limits[name] = limit
	}
	*r = limits
	return nil
}

func parseRateLimit(value string) (RateLimit, error) {
	if value == "off" {
		return RateLimit{}, nil
	}
	most, period, _ := strings.Cut(value, "/")
	n, err := strconv.ParseUint(most, 10, 31)
	if err != nil || n == 0 {
		return RateLimit{}, errors.New("must be MAX/PERIOD with a number from 1, such as 300/1m, or off")
	}
	per, err := time.ParseDuration(period)
	if err != nil || per < time.Second || per%time.Second != 0 {
		return RateLimit{}, errors.New("must be MAX/PERIOD with a period of whole seconds, such as 300/1m")
	}
	return RateLimit{Max: int(n), Per: per}, nil
}
