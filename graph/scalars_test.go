package graph

import (
	"strconv"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

func written(m graphql.Marshaler) string {
	var text strings.Builder
	m.MarshalGQL(&text)
	return text.String()
}

// FuzzDateTime checks that an accepted time has one text in UTC, which stands for the same time and is as long as all
// others: SQLite compares times as text.
func FuzzDateTime(f *testing.F) {
	for _, text := range []string{
		"2026-01-31T12:00:00.123456789Z", "2026-01-31t12:00:00z", "2024-02-29T23:59:59+14:00", "0000-01-01T00:00:00Z",
		"0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-00:01", "1969-12-31T23:59:60Z",
		"10000-01-01T00:00:00Z", "-001-01-01T00:00:00Z", "2026-01-31T12:00:00,5Z", "2026-01-31", "",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, err := UnmarshalDateTime(text)
		if err != nil {
			return
		}
		quoted := written(MarshalDateTime(at))
		answer, err := strconv.Unquote(quoted)
		if err != nil {
			t.Fatalf("%q is answered with %s", text, quoted)
		}
		again, err := UnmarshalDateTime(answer)
		if err != nil || !again.Equal(at) {
			t.Errorf("%q is answered with %q, which is %v, %v", text, answer, again, err)
		}
		if year, _, _ := strings.Cut(answer, "-"); len(year) != 4 {
			t.Errorf("%q is answered with %q, whose year has not four digits", text, answer)
		}
	})
}
