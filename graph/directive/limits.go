package directive

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth/throttle"
)

// directiveRateLimit is the name of the directive that limits how often a field can be used.
const directiveRateLimit = "rateLimit"

// The scalars and names by which the arguments of a limited field are found.
const (
	argumentIdentifier  = "identifier"
	argumentDeviceToken = "deviceToken"
	scalarEmail         = "EmailAddress"
	scalarUsername      = "Username"
	scalarSolution      = "ChallengeSolution"
)

// The periods that a limit can have, and the numbers.
const (
	minPeriod = time.Second
	maxPeriod = 30 * 24 * time.Hour
	maxCount  = 1_000_000_000
)

// limited is a field with @rateLimit.
type limited struct {
	coordinate string
	rules      []throttle.Rule
	// account, recipient, deviceToken and solution are where arguments have these values, the preferred place first.
	account, recipient, deviceToken, solution []place
	// existing says that an identifier names an account that exists, rather than one to create.
	existing bool
}

// place is an argument, or an input field in one.
type place struct{ argument, inputField string }

// isLimitName matches the names of limits. They also stand in headers and in a setting.
var isLimitName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// limits reads the rate limits of a field of an object type.
func (c *checker) limits(f *ast.FieldDefinition, coordinate string) {
	found := f.Directives.ForNames(directiveRateLimit)
	if len(found) == 0 {
		return
	}
	l := &limited{coordinate: coordinate}
	l.account, l.recipient, l.deviceToken, l.solution = c.places(f)
	l.existing = slices.ContainsFunc(l.account, func(p place) bool {
		return cmp.Or(p.inputField, p.argument) == argumentIdentifier
	})
	for _, d := range found {
		limit, cost, err := readLimit(d, f.Name)
		if err != nil {
			c.problem("%s has a @%s %w", coordinate, directiveRateLimit, err)
			continue
		}
		if slices.ContainsFunc(l.rules, func(r throttle.Rule) bool { return r.Name == limit.Name }) {
			c.problem("%s has two limits called %q", coordinate, limit.Name)
			continue
		}
		if same := c.schema.limits[limit.Name]; same == nil {
			c.schema.limits[limit.Name] = limit
		} else if !equal(same, limit) {
			c.problem("%s has a limit %q with other values than another field: only cost may differ", coordinate, limit.Name)
		} else {
			limit = same
		}
		switch {
		case slices.Contains(limit.By, throttle.KeyAccount) && len(l.account) == 0:
			c.problem("%s has a limit by ACCOUNT, but no argument names an account: none is called %s or has the type %s or %s",
				coordinate, argumentIdentifier, scalarEmail, scalarUsername)
		case slices.Contains(limit.By, throttle.KeyRecipient) && len(l.recipient) == 0:
			c.problem("%s has a limit by RECIPIENT, but no argument names one: none is called %s or has the type %s",
				coordinate, argumentIdentifier, scalarEmail)
		case limit.Exceeded == throttle.Challenge && len(l.solution) == 0:
			c.problem("%s has a limit with a challenge, but no argument has the type %s", coordinate, scalarSolution)
		}
		l.rules = append(l.rules, throttle.Rule{Limit: limit, Cost: cost})
	}
	c.schema.limited[f] = l
}

// places finds the arguments that say what limits need to know, among arguments and the fields of input objects.
// Without an identifier, an account is named by an e-mail address or else by a user name.
func (c *checker) places(f *ast.FieldDefinition) (account, recipient, deviceToken, solution []place) {
	var identifiers, addresses, names []place
	look := func(p place, name string, t *ast.Type) {
		switch {
		case t.Elem != nil: // a list
		case name == argumentIdentifier:
			identifiers = append(identifiers, p)
		case name == argumentDeviceToken:
			deviceToken = append(deviceToken, p)
		case t.NamedType == scalarEmail:
			addresses = append(addresses, p)
		case t.NamedType == scalarUsername:
			names = append(names, p)
		case t.NamedType == scalarSolution:
			solution = append(solution, p)
		}
	}
	for _, a := range f.Arguments {
		look(place{argument: a.Name}, a.Name, a.Type)
		if def := c.schema.Types[a.Type.NamedType]; def != nil && def.Kind == ast.InputObject {
			for _, inner := range def.Fields {
				look(place{a.Name, inner.Name}, inner.Name, inner.Type)
			}
		}
	}
	recipient = slices.Concat(identifiers, addresses)
	return slices.Concat(recipient, names), recipient, deviceToken, solution
}

// readLimit reads a @rateLimit and its cost. The default of the name is the name of the field.
func readLimit(d *ast.Directive, field string) (*throttle.Limit, int, error) {
	arguments := d.ArgumentMap(nil) // with the defaults of the directive's declaration
	limit := &throttle.Limit{
		Name:     field,
		Max:      wholeNumber(arguments["max"]),
		Counts:   throttle.Count(fmt.Sprint(arguments["counts"])),
		Exceeded: throttle.Action(fmt.Sprint(arguments["exceeded"])),
	}
	if name := arguments["name"]; name != nil {
		limit.Name = fmt.Sprint(name)
	}
	for _, key := range list(arguments["by"]) {
		limit.By = append(limit.By, throttle.Key(fmt.Sprint(key)))
	}
	slices.Sort(limit.By) // so that [CLIENT, USER] is the same as [USER, CLIENT]
	per, err := time.ParseDuration(fmt.Sprint(arguments["per"]))
	if err != nil {
		return nil, 0, fmt.Errorf("with per %q, which is not a length of time such as 1h", arguments["per"])
	}
	limit.Per = per
	cost := wholeNumber(arguments["cost"])
	return limit, cost, checkLimit(limit, cost)
}

// wholeNumber returns the value of a literal. It returns 0 for a literal that is not a whole number.
func wholeNumber(v any) int {
	n, _ := strconv.Atoi(fmt.Sprint(v))
	return n
}

var (
	allKeys = []throttle.Key{
		throttle.KeyClient, throttle.KeyUser, throttle.KeySession, throttle.KeyAccount, throttle.KeyRecipient, throttle.KeyGlobal,
	}
	allCounts  = []throttle.Count{throttle.CountCalls, throttle.CountFailures}
	allActions = []throttle.Action{throttle.Refuse, throttle.Challenge}
)

// checkLimit finds what is wrong with a limit by itself.
func checkLimit(l *throttle.Limit, cost int) error {
	if !isLimitName.MatchString(l.Name) {
		return fmt.Errorf("with name %q: use up to 64 letters, digits, hyphens and underscores, and begin with a letter", l.Name)
	}
	if err := checkRate(l.Max, l.Per); err != nil {
		return err
	}
	if cost < 1 || cost > l.Max {
		return fmt.Errorf("whose cost is not 1 to max, which is %d", l.Max)
	}
	if len(l.By) == 0 {
		return errors.New("with by: []: use GLOBAL for one counter for all")
	}
	for i, key := range l.By {
		if !slices.Contains(allKeys, key) {
			return fmt.Errorf("with by %s, which is no RateLimitKey", key)
		}
		if slices.Contains(l.By[:i], key) {
			return fmt.Errorf("with %s in by twice", key)
		}
	}
	if !slices.Contains(allCounts, l.Counts) {
		return fmt.Errorf("with counts %s, which is no RateLimitCount", l.Counts)
	}
	if !slices.Contains(allActions, l.Exceeded) {
		return fmt.Errorf("with exceeded %s, which is no RateLimitAction", l.Exceeded)
	}
	return nil
}

func checkRate(most int, per time.Duration) error {
	if most < 1 || most > maxCount {
		return fmt.Errorf("whose max is not a number from 1 to %d", maxCount)
	}
	if per < minPeriod || per > maxPeriod || per%time.Second != 0 { // headers have whole seconds
		return errors.New("whose per is not 1s to 720h in whole seconds")
	}
	return nil
}

// equal reports whether two limits of one name are the same.
func equal(a, b *throttle.Limit) bool {
	return a.Max == b.Max && a.Per == b.Per && a.Counts == b.Counts && a.Exceeded == b.Exceeded && slices.Equal(a.By, b.By)
}

// Override replaces the numbers of a limit. Zero turns the limit off.
type Override struct {
	Max int
	Per time.Duration
}

// AllLimits is the name that stands for all limits without an Override of their own.
const AllLimits = "*"

// Override replaces the numbers of limits by name.
func (s *Schema) Override(overrides map[string]Override) error {
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(overrides)) {
		o := overrides[name]
		switch {
		case name != AllLimits && s.limits[name] == nil:
			problems = append(problems, fmt.Errorf("there is no rate limit called %q, only these: %s", name,
				join(slices.Sorted(maps.Keys(s.limits)), ", ")))
		case o == Override{}:
		case name == AllLimits:
			problems = append(problems, fmt.Errorf("%s stands for all rate limits, which can only be turned off together", AllLimits))
		default:
			if checkRate(o.Max, o.Per) != nil {
				problems = append(problems, fmt.Errorf("the rate limit %q must allow 1 to %d uses in 1s to 720h", name, maxCount))
			}
		}
	}
	if len(problems) > 0 {
		return errors.Join(problems...)
	}
	for name, limit := range s.limits {
		o, ok := overrides[name]
		if !ok {
			o, ok = overrides[AllLimits]
		}
		if ok {
			limit.Max, limit.Per = o.Max, o.Per
		}
	}
	for _, l := range s.limited {
		l.rules = slices.DeleteFunc(l.rules, func(r throttle.Rule) bool {
			if r.Max > 0 && r.Cost > r.Max {
				problems = append(problems, fmt.Errorf("the rate limit %q must allow at least %d, which is what %s counts", r.Name, r.Cost, l.coordinate))
			}
			return r.Max == 0
		})
	}
	s.leads = s.leading()
	return errors.Join(problems...)
}

// RateLimits returns the rules of all limited fields by their coordinates.
func (s *Schema) RateLimits() map[string][]throttle.Rule {
	all := map[string][]throttle.Rule{}
	for _, l := range s.limited {
		if len(l.rules) > 0 {
			all[l.coordinate] = l.rules
		}
	}
	return all
}

// Unlimited returns the coordinates of the fields without a limit that refuses, among those that isSensitive selects.
// Call it before Override: an operator may turn a limit off.
func (s *Schema) Unlimited(isSensitive func(*ast.FieldDefinition, string) bool) (coordinates []string) {
	for _, def := range s.Types {
		if def.Kind != ast.Object {
			continue
		}
		for _, f := range def.Fields {
			coordinate := def.Name + "." + f.Name
			refuses := s.limited[f] != nil &&
				slices.ContainsFunc(s.limited[f].rules, func(r throttle.Rule) bool { return r.Exceeded == throttle.Refuse })
			if !refuses && isSensitive(f, coordinate) {
				coordinates = append(coordinates, coordinate)
			}
		}
	}
	slices.Sort(coordinates)
	return coordinates
}
