package dynamolocal

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

var shared = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold cache on a slow line
	defer cancel()
	return Start(ctx, "")
})

// Clients returns clients of the test binary's one server, as Endpoint has it.
func Clients(t testing.TB) (*dynamodb.Client, *dynamodbstreams.Client) {
	t.Helper()
	return clients(Endpoint(t))
}

// Clients returns clients of the server.
func (s *Server) Clients() (*dynamodb.Client, *dynamodbstreams.Client) { return clients(s.Endpoint) }

func clients(endpoint string) (*dynamodb.Client, *dynamodbstreams.Client) {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials, DisableValidateResponseChecksum: true,
	})
	return db, dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials})
}

// Endpoint returns the base URL of the test binary's one server, starting it at the first call. All tests share it and
// it keeps nothing: make a table of a random name per test. It ends with the test binary, however that ends.
// When it cannot be had (no Java 17, no way to Maven Central), the test fails and says what to do; it never skips.
func Endpoint(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("DynamoDB Local: %v", err)
	}
	return s.Endpoint
}
