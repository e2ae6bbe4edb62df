// Package e2e owns the tests of the real binary by programs that Usher's authors did not write.
// They need Node.js and npm; `make e2e` runs them.
package e2e
