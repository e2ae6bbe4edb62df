package auth_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOneWayToWrite reads the source of the domain: transactions are opened in package transaction alone, which
// checks who acts, and what is written outside of one is written for no caller.
func TestOneWayToWrite(t *testing.T) {
	t.Parallel()
	reads := []string{
		"Attempts", "Client", "Clients", "Events", "PasswordByEmail", "PasswordByUsername", "PasswordOf", "RefreshState",
		"Sessions", "User", "Users", "UsersByID", "UsersWithoutKey", "Viewer",
	}
	writes := []string{
		// These come from the holder of a refresh token, and are conditional on its session.
		"RotateRefreshToken", "AdvanceRefreshToken",
		// This counts a guess before it is made, whoever makes it.
		"ReserveAttempt",
		// These are the sweeper's.
		"SweepSessions", "SweepAttempts",
	}
	seen := 0
	err := filepath.WalkDir(".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, nil, 0)
		if err != nil {
			return err
		}
		opens := filepath.ToSlash(name) == "internal/transaction/transaction.go"
		ast.Inspect(file, func(n ast.Node) bool {
			selector, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			at := files.Position(n.Pos()).String()
			if selector.Sel.Name == "InTx" && !opens {
				t.Errorf("%s: a transaction is opened past package transaction", at)
			}
			store, ok := selector.X.(*ast.SelectorExpr)
			if !ok || store.Sel.Name != "store" || selector.Sel.Name == "InTx" {
				return true
			}
			seen++
			if !slices.Contains(reads, selector.Sel.Name) && !slices.Contains(writes, selector.Sel.Name) {
				t.Errorf("%s: %s writes outside of a transaction", at, selector.Sel.Name)
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 10 {
		t.Errorf("only %d uses of the store were found", seen)
	}
}
