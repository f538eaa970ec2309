// Package conformance tests the service with our own suite of the requests and expectations of Microsoft Entra ID, and
// with the public suites for SCIM servers. It has tests only; `make test` runs our suite, `make conformance` also the
// public ones.
package conformance
