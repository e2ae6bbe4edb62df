package guard

import (
	"fmt"
	"strings"
	"time"

	"usher/internal/auth"
)

// sentence says to a reader of the schema's documentation what a rule demands of a field.
func sentence(r *auth.Rule) string { return "Needs " + demands(r) }

// sentenceForInput does so for an argument or an input field.
func sentenceForInput(r *auth.Rule) string { return "Supplying it needs " + demands(r) }

func demands(r *auth.Rule) string {
	var parts []string
	switch len(r.Requires) {
	case 0:
	case 1:
		parts = append(parts, "the role "+quoted(r.Requires))
	default:
		parts = append(parts, "one of the roles "+quoted(r.Requires))
	}
	switch len(r.Permissions) {
	case 0:
	case 1:
		parts = append(parts, "the permission "+quoted(r.Permissions))
	default:
		parts = append(parts, "the permissions "+quoted(r.Permissions))
	}
	text := strings.Join(parts, " and ")
	switch {
	case len(r.Requires) == 0:
		text = "to be the owner"
	case r.OrOwner:
		text += ", or to be the owner"
	}
	if r.MaxAge > 0 {
		text += ", and a sign-in or `reauthenticate` within the last " + age(r.MaxAge)
	}
	if r.Check == auth.CheckToken {
		text += ", as the access token says"
	}
	return text + "."
}

func quoted[T ~string](names []T) string { return "`" + join(names, "`, `") + "`" }

// age writes a duration of whole seconds for people: "90 seconds", "15 minutes", "1 hour".
func age(d time.Duration) string {
	n, unit := int64(d/time.Second), "second"
	switch {
	case d%time.Hour == 0:
		n, unit = int64(d/time.Hour), "hour"
	case d%time.Minute == 0:
		n, unit = int64(d/time.Minute), "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return fmt.Sprintf("%d %s", n, unit)
}
