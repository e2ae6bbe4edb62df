package graph

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"usher/graph/trusted"
)

// OperationNames returns the names of the operations in documents, which CheckDocuments accepts. A name can occur more than
// once.
func OperationNames(documents *trusted.Documents) (names []string) {
	for _, text := range documents.All() {
		document, err := parser.ParseQuery(&ast.Source{Input: text})
		if err != nil {
			continue // CheckDocuments has reported it
		}
		for _, operation := range document.Operations {
			if operation.Name != "" {
				names = append(names, operation.Name)
			}
		}
	}
	return names
}
