package dynamo

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/store/dynamo/table"
)

// Spec describes the table, which CreateTable creates, or the CDK app in a deployment.
type Spec = table.Spec

const (
	indexSubject = "subject"
	indexDue     = "due"
)

// TableSpec returns the description of the table.
func TableSpec() Spec {
	keysOnly := string(types.ProjectionTypeKeysOnly)
	return Spec{
		PartitionKey: "PK", SortKey: "SK",
		Indexes: []table.Index{
			{Name: indexSubject, PartitionKey: "S1", SortKey: "SK", Projection: keysOnly},
			{Name: indexDue, PartitionKey: "due", SortKey: "dueAt", Projection: keysOnly},
		},
		TTL: "ttl", Stream: string(types.StreamViewTypeNewImage),
	}
}

// CreateTable creates the table, or completes one that exists, and waits until it can be used: for tests and local
// servers. The stack creates the table of a deployment.
func CreateTable(ctx context.Context, client *dynamodb.Client, name string) error {
	return TableSpec().Create(ctx, client, name)
}
