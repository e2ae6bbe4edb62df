package provider

import (
	"encoding/json"
	"math"
	"time"
)

// members are those of a JSON object: claims, or a document. Names have one case, and occur once.
type members map[string]any

// text returns a member that is text, else "".
func (m members) text(name string) string {
	text, _ := m[name].(string)
	return text
}

// flag returns a member that is true. Some providers, such as Apple, write it as text.
func (m members) flag(name string) bool { return m[name] == true || m[name] == "true" }

// list returns the texts of a member that is a list of texts, else nil.
func (m members) list(name string) []string {
	values, _ := m[name].([]any)
	list := make([]string, 0, len(values))
	for _, value := range values {
		text, ok := value.(string)
		if !ok {
			return nil
		}
		list = append(list, text)
	}
	return list
}

// time returns a member that is a NumericDate (RFC 7519 §2).
func (m members) time(name string) (time.Time, bool) {
	number, _ := m[name].(json.Number)
	seconds, err := number.Float64()
	if err != nil || math.Abs(seconds) > math.MaxInt32*100 { // before the year 8800, which int64 and every library hold
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0), true
}
