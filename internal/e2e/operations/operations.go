// Package operations owns random GraphQL operations for tests. It generates valid, nearly valid and hostile
// operations for a schema. Equal sources generate equal operations.
package operations

import (
	"math/rand/v2"

	"github.com/vektah/gqlparser/v2/ast"
)

// Operation is a GraphQL request.
type Operation struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName,omitempty"`
	Variables     map[string]any `json:"variables,omitempty"`
}

// Source is a source of random choices.
type Source interface {
	// IntN returns a number from 0 to n-1.
	IntN(n int) int
}

// NewSource returns a pseudorandom source with a seed.
func NewSource(seed uint64) Source {
	return rand.New(rand.NewPCG(seed, 1))
}

// Bytes returns a source that reads its choices from data, so that a fuzzer can control them. At the end of data
// it continues with pseudorandom numbers, seeded by data.
func Bytes(data []byte) Source {
	seed := uint64(len(data))
	for _, b := range data {
		seed = seed*31 + uint64(b)
	}
	return &fromBytes{data: data, rest: NewSource(seed)}
}

type fromBytes struct {
	data []byte
	rest Source
}

func (s *fromBytes) IntN(n int) int {
	if len(s.data) == 0 {
		return s.rest.IntN(n)
	}
	b := s.data[0]
	s.data = s.data[1:]
	return int(b) % n
}

// Words are meaningful texts for each scalar, by its name: for example, IDs of existing objects. All other
// texts in operations are random.
type Words map[string][]string

// faultRates are rates of faults in percent of all choices, and maximum numbers of faults. An operation with one
// fault gets further in the server than one with many.
var faultRates = []struct{ percent, max int }{{0, 0}, {0, 0}, {2, 1}, {5, 1}, {10, 1}, {10, 2}, {30, 100}}

// New returns a random operation. Its document is not much larger than that of a typical client.
func New(schema *ast.Schema, words Words, source Source) Operation {
	g := &generator{schema: schema, words: words, source: source, budget: 30, given: map[string]any{}}
	rate := pick(g, faultRates)
	g.wrong, g.faults = rate.percent, rate.max
	return g.operation()
}

type generator struct {
	schema *ast.Schema
	words  Words
	source Source
	wrong  int // rate of faults in percent
	faults int // how many more faults are allowed
	budget int // how many more fields are allowed

	aliases   int
	fragments []string
	declared  []variable
	given     map[string]any
}

// IntN returns a number from 0 to n-1.
func (g *generator) IntN(n int) int { return g.source.IntN(n) }

// percent is true with a probability of n percent.
func (g *generator) percent(n int) bool { return g.IntN(100) < n }

// fault reports whether to insert a fault.
func (g *generator) fault() bool { return g.faultOf(1) }

// faultOf is fault with a higher rate, for faults with few opportunities.
func (g *generator) faultOf(weight int) bool {
	if g.faults == 0 || !g.percent(min(g.wrong*weight, 100)) {
		return false
	}
	g.faults--
	return true
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }
