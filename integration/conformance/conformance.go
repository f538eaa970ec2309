// Package conformance holds the service against what others demand of a SCIM server: our own suite of what
// Microsoft Entra ID sends and expects, and the public suites. It has nothing but tests; `make test` runs ours,
// `make conformance` the public ones, too.
package conformance
