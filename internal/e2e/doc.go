// Package e2e owns the tests of the real binary with third-party clients. They need Node.js and npm. `make e2e`
// runs them.
package e2e
