package throttle

import (
	"errors"

	"usher/internal/auth"
)

// signIns are the methods of sign-ins by the field that a limit can keep from running.
var signIns = map[string]string{
	"Mutation.login":          auth.SignInPassword,
	"Mutation.refresh":        auth.SignInRefreshToken,
	"Mutation.reauthenticate": auth.SignInReauthentication,
}

// meter counts the decisions of the limits: all of them if the operation is admitted, otherwise those that refuse.
func (a *Admission) meter(err error) {
	refusal, refused := errors.AsType[*Refusal](err)
	if err != nil && !refused {
		return // the database did not answer
	}
	for n, c := range a.counted {
		decision := "admitted"
		switch {
		case !refused:
		case !a.states[n].Over && !a.takes[n].Force:
			continue
		case a.service.action(c.limit) == Refuse:
			decision = "refused"
		case refusal.Err.Code == auth.CodeChallengeRequired:
			decision = "challenged"
		default:
			continue // another limit refuses, so there is no challenge
		}
		// A limit can have several counters for a use. They are adjacent.
		if n == 0 || a.counted[n-1] != c || refused && !a.states[n-1].Over && !a.takes[n-1].Force {
			a.service.options.Meter.CountLimit(c.limit.Name, decision)
		}
	}
	if !refused {
		return
	}
	if method, ok := signIns[a.uses[refusal.Use].Field]; ok {
		outcome := "rate_limited"
		if refusal.Err.Code == auth.CodeChallengeRequired {
			outcome = "challenge"
		}
		a.service.options.Meter.CountSignIn(method, outcome)
	}
}
