// Package dynamo keeps Rollcall's data in one DynamoDB table: the store of a deployment. It implements the ports of
// package directory under the contract of store/storetest; package schema shows the whole table.
//
// Every effective change is one transaction of at most 100 items. A change that needs more (thousands of members, a
// group or user with many references) is committed as a whole by one transaction with its log entry, and rolled forward
// from that entry by the request or, if it dies, by CompleteEntry.
package dynamo

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
	"rollcall/shared/store/dynamo/stream"
)

// Config configures a Store.
type Config struct {
	Client  *dynamodb.Client
	Streams *dynamodbstreams.Client // for Feed.Deliver; nil where a Lambda follows the stream
	Table   string
	Now     func() time.Time // for expiry only: times of records come from callers
	// LogRetention is how long a log entry is kept; 0: directory.DefaultLogRetention.
	LogRetention time.Duration
}

// Store implements the ports of package directory on a table. Safe for concurrent use, by any number of processes.
type Store struct {
	client *dynamodb.Client
	table  string
	now    func() time.Time

	retention time.Duration           // of log entries
	maxOps    int                     // items in a transaction; fewer in tests of large changes
	pageMarks int                     // marks that fill a page of counts; fewer in tests
	erases    int                     // what a step of erasing a tenant looks at; less in tests
	step      func(name string) error // called before every write; its error stops the write (crash tests)
	feed      *stream.Reader
	counts    countCache

	mu      sync.Mutex
	days    map[schema.Key]bool  // day marks that this process knows to exist
	numbers map[schema.Key]int64 // the last numbers of groups' entries that this process has seen
}

// Open returns the store on a table that exists. It makes no network call.
func Open(_ context.Context, c Config) (*Store, error) {
	if c.Client == nil || c.Table == "" || c.Now == nil {
		return nil, errors.New("a DynamoDB store needs a client, the name of its table and a clock")
	}
	return &Store{
		client: c.Client, table: c.Table, now: c.Now, maxOps: maxOps, pageMarks: pageMarks, erases: erasesAtOnce,
		feed: &stream.Reader{Client: c.Client, Streams: c.Streams, Table: c.Table, Now: c.Now, Fault: fault},
		days: map[schema.Key]bool{}, numbers: map[schema.Key]int64{},
		retention: cmp.Or(c.LogRetention, directory.DefaultLogRetention),
	}, nil
}

// Ports returns the store as the ports of package directory.
func (s *Store) Ports() directory.Ports {
	return directory.Ports{
		Users:         userStore{s},
		Groups:        groupStore{s},
		Providers:     providerStore{s},
		Tenants:       tenantStore{s},
		Log:           logStore{s},
		Conflicts:     conflictStore{s},
		APIKeys:       apiKeyStore{s},
		Replays:       replayStore{s},
		Completion:    completionStore{s},
		Counts:        countStore{s},
		Feed:          feedStore{s},
		Leavers:       leaverStore{s},
		LegalHolds:    legalHoldStore{s},
		Guards:        guardStore{s},
		Webhooks:      webhookStore{s},
		Deliveries:    deliveryStore{s},
		SetAsides:     setAsideStore{s},
		Chains:        chainStore{s},
		Organizations: organizationStore{s},
		Roles:         roleStore{s},
		Proposals:     proposalStore{s},
		Mappings:      mappingStore{s},
		Watchlists:    watchlistStore{s},
		ApplyRuns:     applyRunStore{s},
		Tasks:         taskStore{s},
		Aliases:       aliasStore{s},
		Countries:     countryStore{s},
		Usages:        usageStore{s},
	}
}
