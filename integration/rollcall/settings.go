package main

import (
	"context"
	"strconv"
	"strings"
)

func settingsNoun() noun {
	const one = "Tenant displayName, Id id, Dual_control dualControl, End_requested_by dualControlEndedBy, " +
		"Warning warning, User_retention_(days) userRetentionDays, Log_retention_(days) logRetentionDays, Version version"
	return noun{
		name: "settings", group: groupTenant, short: "Show and change the tenant's settings", columns: one,
		tables: []table{{"Keys of different persons", "persons", "NAME displayName, BY createdBy, CREATED createdAt, ID id"}},
		actions: []action{
			{name: "show", op: "getSettings", short: "Show the tenant's settings"},
			{name: "set", op: "updateSettings", short: "Change settings; ending dual control needs two persons", example: "--keep-users 120",
				flags: []flag{
					{"dual-control", "dualControl", "require the approval of a second administrator for privileged changes"},
					{"keep-users", "userRetentionDays", "`days` to keep personal data of deactivated people who are in no directory, " +
						"or default for the deployment's value"},
					{"keep-log", "logRetentionDays", "`days` to keep the log, at most the deployment's value, or default for that value"},
				}},
		},
	}
}

// proposalColumns show a request that waits for a second person.
const proposalColumns = "Request operation, Subject subject, Gives @gives, Awaits_approval_(proposed_by) proposedBy, " +
	"Proposed proposedAt, Token token, Id id"

func proposalNoun() noun {
	return noun{
		name: "proposal", group: groupTenant, short: "Decide about requests that wait for a second person under dual control",
		columns: proposalColumns,
		actions: []action{
			{name: "list", op: "listProposals", short: "List what waits for a second person",
				columns: "REQUEST operation, SUBJECT subject, GIVES @gives, BY proposedBy, PROPOSED proposedAt, ID id"},
			{name: "approve", op: "approveProposal", short: "Approve a request of another person, and carry it out", asks: askApproval},
			{name: "reject", op: "rejectProposal", short: "Reject a request"},
		},
	}
}

// askApproval asks before a request of another person is carried out.
func askApproval(ctx context.Context, c *call) (string, error) {
	all, err := c.get(ctx, "listProposals")
	if err != nil {
		return "", err
	}
	for _, p := range list(all, "items") {
		if text(p, "id") == c.ids[0] {
			p, _ := p.(object)
			return c.question(ctx, "Carry out {operation} on {subject}, which gives {@gives}?", p), nil
		}
	}
	return "", nil // the API returns the error
}

// gives describes what a proposal gives.
func (c *call) gives(ctx context.Context, proposal object) string {
	var out []string
	for _, g := range list(proposal, "gives") {
		n, _ := strconv.Atoi(text(g, "people"))
		out = append(out, c.part(c.nameFor(ctx, "role", text(g, "role"), ""))+" to "+count(n, "person", "people"))
	}
	return strings.Join(out, ", ")
}
