package usher

import (
	"os"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// TestAdvice wants an answer to every code of the schema, since Go does not check that a switch is
// exhaustive.
func TestAdvice(t *testing.T) {
	const path = "../../../schema.graphqls"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: path, Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	codes := schema.Types["ErrorCode"].EnumValues
	if len(codes) == 0 {
		t.Fatal("the schema has no codes")
	}
	for _, code := range codes {
		e := Error{Code: ErrorCode(code.Name)}
		if e.Advice() == "" {
			t.Errorf("no advice for %s", code.Name)
		}
	}
	if schema.Types["UnauthenticatedReason"].EnumValues.ForName(string(TokenExpired)) == nil {
		t.Errorf("the schema has no reason %s", TokenExpired)
	}
}
