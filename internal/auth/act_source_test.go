package auth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestOneWayToWrite reads the source of the package: transactions are opened in act.go alone, where who acts is
// checked, and what is written outside of one is written for no caller.
func TestOneWayToWrite(t *testing.T) {
	t.Parallel()
	reads := []string{
		"Account", "AccountByEmail", "AccountByUsername", "Attempts", "Client", "Clients", "Events", "RefreshState",
		"Sessions", "User", "Users", "UsersByID", "UsersWithoutKey", "Viewer",
	}
	writes := []string{
		// These come from whoever holds a refresh token, and are conditional on its session.
		"RotateRefreshToken", "AdvanceRefreshToken",
		// This counts a guess before it is made, whoever makes it.
		"ReserveAttempt",
		// This follows from a password that was right.
		"ReplacePasswordHash",
		// These are the sweeper's.
		"SweepSessions", "SweepAttempts",
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, entry := range entries {
		name := entry.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			at := func() string { return files.Position(n.Pos()).String() }
			switch n := n.(type) {
			case *ast.CompositeLit:
				if kind, ok := n.Type.(*ast.Ident); ok && kind.Name == "actor" && name != "act.go" {
					t.Errorf("%s: an actor is made past act.go", at())
				}
			case *ast.SelectorExpr:
				store, ok := n.X.(*ast.SelectorExpr)
				if !ok || store.Sel.Name != "store" {
					break
				}
				seen++
				if n.Sel.Name == "InTx" && name != "act.go" {
					t.Errorf("%s: a transaction is opened past act.go", at())
				} else if n.Sel.Name != "InTx" && !slices.Contains(reads, n.Sel.Name) && !slices.Contains(writes, n.Sel.Name) {
					t.Errorf("%s: %s writes outside of a transaction", at(), n.Sel.Name)
				}
			}
			return true
		})
	}
	if seen < 10 {
		t.Errorf("only %d uses of the store were found", seen)
	}
}
