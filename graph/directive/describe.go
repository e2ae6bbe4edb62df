package directive

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/auth"
)

// describe says in words what a rule allows. It is the one text for the access table, for introspection
// and for the console.
func describe(r *auth.Rule) string {
	var text string
	switch {
	case len(r.Requires) == 0:
		text = "The owner"
	case slices.Contains(r.Requires, auth.RoleUser): // every account has it
		text = "Signed-in users"
	default:
		text = "Role " + join(r.Requires, " or ")
	}
	switch len(r.Permissions) {
	case 0:
	case 1:
		text += " with permission " + string(r.Permissions[0])
	default:
		text += " with permissions " + join(r.Permissions, " and ")
	}
	if r.OrOwner && len(r.Requires) > 0 {
		text += ", or the owner"
	}
	if r.Verified {
		text += "; verified e-mail address"
	}
	switch r.Assurance {
	case auth.RequireAAL2:
		text += "; two factors"
	case auth.RequireHighest:
		text += "; two factors if the user has set up a second"
	}
	if r.MaxAge > 0 {
		text += "; identity confirmed in the last " + duration(r.MaxAge)
	}
	if r.Check == auth.CheckToken {
		text += "; checks the access token only"
	}
	return text
}

func join[T ~string](names []T, separator string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = string(name)
	}
	return strings.Join(list, separator)
}

// duration writes whole seconds in the largest unit that fits: "90 seconds", "15 minutes", "hour".
func duration(d time.Duration) string {
	n, unit := int64(d/time.Second), "second"
	switch {
	case d%time.Hour == 0:
		n, unit = int64(d/time.Hour), "hour"
	case d%time.Minute == 0:
		n, unit = int64(d/time.Minute), "minute"
	}
	if n == 1 {
		return unit
	}
	return strconv.FormatInt(n, 10) + " " + unit + "s"
}
