package directive

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"usher/internal/auth/throttle"
)

// Limit is a rate limit in the access table.
type Limit struct {
	Name string `json:"name"`
	// Text is the limit in words.
	Text string         `json:"text"`
	By   []throttle.Key `json:"by"`
	Max  int            `json:"max"`
	Per  int            `json:"per"` // in seconds
	Cost int            `json:"cost"`
	// Counts and Exceeded are as in the directive.
	Counts   throttle.Count  `json:"counts"`
	Exceeded throttle.Action `json:"exceeded"`
}

// entries returns the limits of a field for the access table. A nil field has none.
func (l *limited) entries() []Limit {
	if l == nil {
		return nil
	}
	var all []Limit
	for _, r := range l.rules {
		all = append(all, Limit{
			Name: r.Name, Text: describeLimit(r), By: r.By, Max: r.Max, Per: int(r.Per / time.Second), Cost: r.Cost,
			Counts: r.Counts, Exceeded: r.Exceeded,
		})
	}
	return all
}

// counted has the words for what has a counter of its own.
var counted = map[throttle.Key]string{
	throttle.KeyClient: "client address", throttle.KeyUser: "user", throttle.KeySession: "session",
	throttle.KeyAccount: "account", throttle.KeyRecipient: "recipient",
}

// describeLimit says in words what a limit allows, for the access table, introspection and the console: "login: 100 an
// hour for each client address".
func describeLimit(r throttle.Rule) string {
	text := r.Name + ": " + strconv.Itoa(r.Max)
	if r.Counts == throttle.CountFailures {
		text += " failures"
	}
	text += " per " + duration(r.Per)
	var each []string
	for _, key := range r.By {
		if words, ok := counted[key]; ok {
			each = append(each, words)
		}
	}
	if len(each) > 0 {
		text += " for each " + strings.Join(each, " and ")
	}
	if slices.Contains(r.By, throttle.KeyGlobal) && len(each) == 0 {
		text += " in total"
	}
	if r.Cost > 1 {
		text += ", each use counts " + strconv.Itoa(r.Cost)
	}
	if r.Exceeded == throttle.Challenge {
		text += ", then a challenge"
	}
	return text
}

// limitTexts returns the limits in words.
func limitTexts(limits []Limit) string {
	texts := make([]string, len(limits))
	for i, l := range limits {
		texts[i] = l.Text
	}
	return strings.Join(texts, "; ")
}
