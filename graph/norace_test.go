//go:build !race

package graph_test

// operationsBudget is how many operations TestOperations runs on SQLite.
const operationsBudget = 6000
