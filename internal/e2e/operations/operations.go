// Package operations owns random GraphQL operations for tests: valid, nearly valid and hostile ones,
// made from a schema. What a source says decides everything, so that one that says the same again
// makes the same operation.
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

// Source makes the choices.
type Source interface {
	// IntN returns a number from 0 to n-1.
	IntN(n int) int
}

// NewSource returns a source of numbers that a seed decides.
func NewSource(seed uint64) Source {
	return rand.New(rand.NewPCG(seed, 1))
}

// Bytes returns a source that reads its choices from data, as a fuzzer changes it, and goes on with
// numbers that data decides when that is used up.
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

// Words are texts that mean something to the server, by the name of the scalar they are of: ids of
// objects that exist, for example. The other texts that are used are of no meaning.
type Words map[string][]string

// moods are how many of a hundred choices an operation gets wrong, and how many at most: one that is
// wrong in one place gets further than one that is wrong everywhere.
var moods = []struct{ wrong, atMost int }{{0, 0}, {0, 0}, {2, 1}, {5, 1}, {10, 1}, {10, 2}, {30, 100}}

// New returns the operation that source decides. The document is not much larger than a client's.
func New(schema *ast.Schema, words Words, source Source) Operation {
	g := &generator{schema: schema, words: words, source: source, budget: 30, given: map[string]any{}}
	mood := pick(g, moods)
	g.wrong, g.faults = mood.wrong, mood.atMost
	return g.operation()
}

type generator struct {
	schema *ast.Schema
	words  Words
	source Source
	wrong  int // how many of a hundred choices are wrong
	faults int // how many more wrong ones there may be
	budget int // how many fields are left

	aliases   int
	fragments []string
	declared  []variable
	given     map[string]any
}

// IntN returns a number from 0 to n-1.
func (g *generator) IntN(n int) int { return g.source.IntN(n) }

// percent is true so often.
func (g *generator) percent(n int) bool { return g.IntN(100) < n }

// fault reports whether to do something wrong now.
func (g *generator) fault() bool { return g.faultOf(1) }

// faultOf is fault for what there are few occasions for.
func (g *generator) faultOf(weight int) bool {
	if g.faults == 0 || !g.percent(min(g.wrong*weight, 100)) {
		return false
	}
	g.faults--
	return true
}

func pick[T any](g *generator, from []T) T { return from[g.IntN(len(from))] }
