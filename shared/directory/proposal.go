package directory

import "time"

// Proposal is a request of an administrator that would give privileged roles to more people: under dual control it has
// no effect until a second person approves it.
type Proposal struct {
	ID        ProposalID
	Operation string   // of the admin API
	Path      []string `json:",omitempty"` // the ids in its path
	Query     string   `json:",omitempty"`
	Body      []byte   `json:",omitempty"`
	Subject   string   // what it changes: any other change of that ends it
	State     string   // of the subject when it was proposed
	Gives     []Gain
	By        string // the key that proposed it
	At        time.Time
	// Secret is the token, client secret or API key that works from the approval on.
	Secret *Credential `json:",omitempty"`
}

// Gain is a privileged role and how many people would have it anew, at most.
type Gain struct {
	Role   RoleID
	People int
}

// ProposalList is the proposals of a tenant that wait for a second person.
type ProposalList struct {
	Waiting []*Proposal
	Version int64 // 0: never stored
}

// Limits of the proposals of a tenant, which must fit an item of DynamoDB.
const (
	MaxProposals     = 50
	MaxProposalBytes = 200_000 // of their bodies
)
