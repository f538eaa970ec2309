// Package directory is the business of Rollcall in plain Go: tenants, provisioning providers and their
// credentials, users, groups, memberships, conflicts and the log, with the rules that hold between them.
//
// It knows neither SCIM nor HTTP nor a database. It stores a user's SCIM attributes as opaque text, which package
// scimapi translates. Storage is reached through the ports in ports.go, which packages store/dynamo and
// store/sqlite implement under one contract (store/storetest).
//
// The table is the truth: whatever follows from a change (wake-ups, events, completing a large change)
// is derived from its log entry, which is written in the same transaction as the change itself.
package directory
