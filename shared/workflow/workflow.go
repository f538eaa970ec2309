// Package workflow is what Rollcall sets going outside its own process: events on a bus and messages to
// webhooks, each with a twin for a process of its own. It decides nothing: what is sent, to whom and how
// often is package directory's.
package workflow
