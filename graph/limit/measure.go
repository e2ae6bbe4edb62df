package limit

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// measure returns an error if the document is beyond a limit. It walks through the document as
// execution would, and stops at the first limit, so that it does no more work than they allow. A
// cycle of fragments ends at the limit of depth.
func (g *guard) measure(document *ast.QueryDocument) *gqlerror.Error {
	m := &measurement{
		guard:    g,
		document: document,
		reached:  map[*ast.FragmentDefinition]bool{},
		seats:    map[seat]*sitting{},
	}
	n := len(document.Fragments)
	if err := m.compare(n * (n - 1) / 2); err != nil {
		return err
	}
	for _, op := range document.Operations {
		m.rootFields, m.checks = 0, 0
		if err := m.walk(op.SelectionSet, scope{parent: g.root(op.Operation), place: m.newPlace(), depth: 1, root: true}); err != nil {
			return err
		}
	}
	for _, f := range document.Fragments {
		if m.reached[f] {
			continue
		}
		// No operation uses f, which makes the document invalid, but validation looks into f first.
		if err := m.walk(f.SelectionSet, scope{parent: g.schema.Types[f.TypeCondition], place: m.newPlace(), depth: 1}); err != nil {
			return err
		}
	}
	return nil
}

func (g *guard) root(op ast.Operation) *ast.Definition {
	switch op {
	case ast.Mutation:
		return g.schema.Mutation
	case ast.Subscription:
		return g.schema.Subscription
	default:
		return g.schema.Query
	}
}

type measurement struct {
	*guard
	document *ast.QueryDocument
	reached  map[*ast.FragmentDefinition]bool

	selections, comparisons, aliases int
	rootFields, checks               int // of the operation

	places int
	seats  map[seat]*sitting
}

// scope says where a selection set stands.
type scope struct {
	parent *ast.Definition // nil if the schema does not have it
	place  int             // the object of the response that the set adds to
	depth  int
	root   bool // that object is the response's data
}

// seat is a name in a place. All fields with one seat make one object of the response, and that is
// the place of what they select.
type seat struct {
	place int
	name  string
}

// sitting is how many selections have a seat, and the place they make.
type sitting struct {
	count int
	place int
}

func (m *measurement) walk(set ast.SelectionSet, in scope) *gqlerror.Error {
	if len(set) > 0 && in.depth > m.limits.Depth {
		return tooComplex("The document has more than %d levels.", m.limits.Depth)
	}
	for _, selection := range set {
		if m.selections++; m.selections > m.limits.Selections {
			return tooComplex("The document has more than %d selections, fragments expanded.", m.limits.Selections)
		}
		var err *gqlerror.Error
		switch s := selection.(type) {
		case *ast.Field:
			err = m.field(s, in)
		case *ast.FragmentSpread:
			err = m.spread(s, in)
		case *ast.InlineFragment:
			err = m.walk(s.SelectionSet, m.within(in, s.TypeCondition))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (m *measurement) field(f *ast.Field, in scope) *gqlerror.Error {
	if f.Alias != f.Name {
		if m.aliases++; m.aliases > m.limits.Aliases {
			return tooComplex("The document has more than %d aliases.", m.limits.Aliases)
		}
	}
	if in.root {
		if m.rootFields++; m.rootFields > m.limits.RootFields {
			return tooComplex("The operation has more than %d root fields.", m.limits.RootFields)
		}
	}
	inner := scope{depth: in.depth + 1}
	if in.parent != nil {
		if def := in.parent.Fields.ForName(f.Name); def != nil {
			inner.parent = m.schema.Types[def.Type.Name()]
			if m.credentials[def] {
				if m.checks++; m.checks > 1 {
					return tooComplex("The operation has more than %d field that checks a password.", 1)
				}
			}
		}
	}
	var err *gqlerror.Error
	if inner.place, err = m.sit(f.Alias, in); err != nil {
		return err
	}
	return m.walk(f.SelectionSet, inner)
}

func (m *measurement) spread(s *ast.FragmentSpread, in scope) *gqlerror.Error {
	f := m.document.Fragments.ForName(s.Name)
	if f == nil {
		return nil
	}
	m.reached[f] = true
	if _, err := m.sit("..."+s.Name, in); err != nil {
		return err
	}
	return m.walk(f.SelectionSet, m.within(in, f.TypeCondition))
}

// within is the scope of a fragment that stands in another scope.
func (m *measurement) within(in scope, typeCondition string) scope {
	in.depth++
	if typeCondition != "" {
		in.parent = m.schema.Types[typeCondition]
	}
	return in
}

// sit counts a selection at its seat, and returns the place that it makes.
func (m *measurement) sit(name string, in scope) (place int, err *gqlerror.Error) {
	s := m.seats[seat{in.place, name}]
	if s == nil {
		s = &sitting{place: m.newPlace()}
		m.seats[seat{in.place, name}] = s
	}
	err = m.compare(s.count * in.depth)
	s.count++
	return s.place, err
}

func (m *measurement) compare(n int) *gqlerror.Error {
	if m.comparisons += n; m.comparisons > m.limits.Comparisons {
		return tooComplex("The document repeats itself too much: validation would make more than %d comparisons.", m.limits.Comparisons)
	}
	return nil
}

func (m *measurement) newPlace() int {
	m.places++
	return m.places
}
