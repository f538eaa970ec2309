// Package table describes a table of DynamoDB and creates it, for tests and local servers: it knows nothing of what is in
// it. The stack creates the table of a deployment.
package table

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// Spec describes a table, which Create creates, or the CDK app in a deployment. All key attributes are strings;
// the table is on-demand.
type Spec struct {
	PartitionKey, SortKey string
	Indexes               []Index
	TTL                   string // the attribute that holds the time of expiry in Unix seconds
	Stream                string // the view type of the stream; "" for none
}

// Index describes a global secondary index; Projection is KEYS_ONLY for all.
type Index struct{ Name, PartitionKey, SortKey, Projection string }

// Create creates a table as described, unless there is one of the name, and waits until it can be used.
func (spec Spec) Create(ctx context.Context, client *dynamodb.Client, table string) error {
	schema := func(pk, sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange},
		}
	}
	in := &dynamodb.CreateTableInput{
		TableName: aws.String(table), BillingMode: types.BillingModePayPerRequest,
		KeySchema: schema(spec.PartitionKey, spec.SortKey),
	}
	if spec.Stream != "" {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewType(spec.Stream)}
	}
	defined := map[string]bool{}
	define := func(names ...string) {
		for _, n := range names {
			if !defined[n] {
				defined[n] = true
				in.AttributeDefinitions = append(in.AttributeDefinitions,
					types.AttributeDefinition{AttributeName: aws.String(n), AttributeType: types.ScalarAttributeTypeS})
			}
		}
	}
	define(spec.PartitionKey, spec.SortKey)
	for _, i := range spec.Indexes {
		define(i.PartitionKey, i.SortKey)
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
			IndexName: aws.String(i.Name), KeySchema: schema(i.PartitionKey, i.SortKey),
			Projection: &types.Projection{ProjectionType: types.ProjectionType(i.Projection)},
		})
	}
	var exists *types.ResourceInUseException
	if _, err := client.CreateTable(ctx, in); err != nil && !errors.As(err, &exists) {
		return fmt.Errorf("create table: %w", err)
	}
	wait := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 20 * time.Millisecond })
	if err := wait.Wait(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(table)}, time.Minute); err != nil {
		return fmt.Errorf("wait for table: %w", err)
	}
	return spec.expire(ctx, client, table)
}

// expire switches expiry on, unless it is on.
func (spec Spec) expire(ctx context.Context, client *dynamodb.Client, table string) error {
	is, err := client.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(table)})
	if err != nil {
		return fmt.Errorf("read time to live: %w", err)
	}
	if d := is.TimeToLiveDescription; d != nil && d.TimeToLiveStatus != types.TimeToLiveStatusDisabled {
		return nil
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{
		TableName:               aws.String(table),
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(spec.TTL), Enabled: aws.Bool(true)},
	})
	if err != nil {
		return fmt.Errorf("set time to live: %w", err)
	}
	return nil
}
