package stack

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
)

// DynamoDB returns the ports of a new table on the test binary's DynamoDB Local.
func DynamoDB(t testing.TB) directory.Ports {
	t.Helper()
	endpoint := dynamolocal.Endpoint(t)
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	client := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials, DisableValidateResponseChecksum: true,
	})
	streams := dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials})
	table := "rollcall-" + directory.RandomID()
	if err := dynamo.CreateTable(context.Background(), client, table); err != nil {
		t.Fatal(err)
	}
	s, err := dynamo.Open(context.Background(), dynamo.Config{Client: client, Streams: streams, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	return s.Ports()
}
