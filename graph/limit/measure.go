package limit

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// measure returns an error if the document exceeds a limit. It walks the document as execution would and
// stops at the first limit, so the limits bound its own work too. A cycle of fragments ends at the limit
// on depth.
func (l *Limiter) measure(document *ast.QueryDocument) *gqlerror.Error {
	m := &measurement{
		Limiter:   l,
		document:  document,
		reached:   map[*ast.FragmentDefinition]bool{},
		responses: map[responseName]*response{},
	}
	n := len(document.Fragments)
	if err := m.compare(n * (n - 1) / 2); err != nil {
		return err
	}
	for _, op := range document.Operations {
		m.rootFields, m.checks = 0, 0
		if err := m.walk(op.SelectionSet, scope{parent: l.root(op.Operation), object: m.newObject(), depth: 1, root: true}); err != nil {
			return err
		}
	}
	for _, f := range document.Fragments {
		if m.reached[f] {
			continue
		}
		// No operation uses f, which makes the document invalid, but validation looks into f first.
		if err := m.walk(f.SelectionSet, scope{parent: l.schema.Types[f.TypeCondition], object: m.newObject(), depth: 1}); err != nil {
			return err
		}
	}
	return nil
}

func (l *Limiter) root(op ast.Operation) *ast.Definition {
	switch op {
	case ast.Mutation:
		return l.schema.Mutation
	case ast.Subscription:
		return l.schema.Subscription
	default:
		return l.schema.Query
	}
}

type measurement struct {
	*Limiter
	document *ast.QueryDocument
	reached  map[*ast.FragmentDefinition]bool

	selections, comparisons, aliases int
	rootFields, checks               int // of the operation

	objects   int // numbered from 1
	responses map[responseName]*response
}

// scope is the context of a selection set.
type scope struct {
	parent *ast.Definition // nil if the schema does not have it
	object int             // the number of the object of the response that the set adds to
	depth  int
	root   bool // that object is the response's data
}

// responseName is a response name in an object of the response. All fields with one responseName are
// merged (GraphQL October 2021 §6.4.3), so what they select adds to one object.
type responseName struct {
	object int
	name   string
}

// response counts the selections with one responseName, and has the number of the object they add to.
type response struct {
	count  int
	object int
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
					return tooComplex("The operation has more than %d field that checks a credential.", 1)
				}
			}
		}
	}
	var err *gqlerror.Error
	if inner.object, err = m.count(f.Alias, in); err != nil {
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
	if _, err := m.count("..."+s.Name, in); err != nil {
		return err
	}
	return m.walk(f.SelectionSet, m.within(in, f.TypeCondition))
}

// within is the scope of a fragment in another scope.
func (m *measurement) within(in scope, typeCondition string) scope {
	in.depth++
	if typeCondition != "" {
		in.parent = m.schema.Types[typeCondition]
	}
	return in
}

// count counts a selection, and returns the number of the object that it adds to.
func (m *measurement) count(name string, in scope) (object int, err *gqlerror.Error) {
	key := responseName{in.object, name}
	r := m.responses[key]
	if r == nil {
		r = &response{object: m.newObject()}
		m.responses[key] = r
	}
	err = m.compare(r.count * in.depth)
	r.count++
	return r.object, err
}

func (m *measurement) compare(n int) *gqlerror.Error {
	if m.comparisons += n; m.comparisons > m.limits.Comparisons {
		return tooComplex("The document repeats selections too often: validation would take more than %d comparisons.", m.limits.Comparisons)
	}
	return nil
}

func (m *measurement) newObject() int {
	m.objects++
	return m.objects
}
