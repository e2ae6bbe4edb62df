// Package check owns the checks of an installation: it runs them side by side, each within a time limit, and reports
// their results in order.
package check

import (
	"context"
	"fmt"
	"runtime"
	"time"
)

// Status is how a check ended.
type Status string

// The statuses.
const (
	OK      Status = "ok"
	Warning Status = "warning"
	Failed  Status = "failed"
)

// Result is one line of the report. No part of it has a secret.
type Result struct {
	Check  string `json:"check"`
	Status Status `json:"status"`
	// Detail is what was found, and Advice is what to do; empty for nothing.
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// Check is one check. Run returns a result for each thing that it has looked at, without the name of the check.
type Check struct {
	Name string
	Run  func(ctx context.Context) []Result
}

// Good returns the result of a check that found no problem.
func Good(format string, args ...any) []Result {
	return []Result{{Status: OK, Detail: fmt.Sprintf(format, args...)}}
}

// Warn returns the result of a check that found what may be a problem.
func Warn(advice, format string, args ...any) []Result {
	return []Result{{Status: Warning, Detail: fmt.Sprintf(format, args...), Advice: advice}}
}

// Fail returns the result of a check that found a problem.
func Fail(advice, format string, args ...any) []Result {
	return []Result{{Status: Failed, Detail: fmt.Sprintf(format, args...), Advice: advice}}
}

// Run runs all checks at once, and passes their results to report in the order of the checks. A check that does not end
// within the limit has failed. It goes on in the background, because a call that hangs may ignore its context.
func Run(ctx context.Context, checks []Check, limit time.Duration, report func(Result)) {
	ended := make([]chan []Result, len(checks))
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for i, c := range checks {
		ended[i] = make(chan []Result, 1)
		go func() { ended[i] <- safely(ctx, c.Run) }()
	}
	late := time.NewTimer(limit + grace) // for the checks that heed their context to say what they have waited for
	defer late.Stop()
	over := false
	for i, c := range checks {
		var results []Result
		if over {
			select {
			case results = <-ended[i]:
			default:
				results = noAnswer(limit)
			}
		} else {
			select {
			case results = <-ended[i]:
			case <-late.C:
				over, results = true, noAnswer(limit)
			}
		}
		for _, r := range results {
			r.Check = c.Name
			report(r)
		}
	}
}

const grace = 500 * time.Millisecond

func noAnswer(limit time.Duration) []Result {
	return Fail("Look whether the host answers, or allow more time with --timeout.", "no answer within %v", limit)
}

// safely calls a check. One that panics must not hide the results of the others.
func safely(ctx context.Context, run func(context.Context) []Result) (results []Result) {
	defer func() {
		if cause := recover(); cause != nil {
			// Other values than the runtime's own could quote a secret.
			err, _ := cause.(runtime.Error)
			results = Fail("This is a bug in Usher. Please report it.", "the check itself panicked: %v", err)
		}
	}()
	return run(ctx)
}
