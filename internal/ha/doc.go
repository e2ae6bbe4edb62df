// Package ha owns the tests of high availability: Usher on a Patroni cluster of three PostgreSQL servers, with the
// files of deploy/patroni. `make ha` runs all faults, and `make e2e` a few.
package ha
