// Package dynamolocal has the clients of a DynamoDB Local (package server), and that of the tests. The server is a package of
// its own, so that fetching it needs no AWS SDK, which takes half a minute to compile.
package dynamolocal

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"

	"rollcall/integration/tools/dynamolocal/server"
)

var shared = sync.OnceValues(func() (Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute) // a cold cache on a slow line
	defer cancel()
	return Start(ctx, "")
})

// Clients returns clients of the test binary's one server; see Endpoint.
func Clients(t testing.TB) (*dynamodb.Client, *dynamodbstreams.Client) {
	t.Helper()
	return clients(Endpoint(t))
}

// Server is a running server.
type Server struct{ *server.Server }

// Start is server.Start.
func Start(ctx context.Context, dir string) (Server, error) {
	s, err := server.Start(ctx, dir)
	return Server{s}, err
}

// Clients returns clients of the server.
func (s Server) Clients() (*dynamodb.Client, *dynamodbstreams.Client) { return clients(s.Endpoint) }

func clients(endpoint string) (*dynamodb.Client, *dynamodbstreams.Client) {
	credentials := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
	})
	db := dynamodb.New(dynamodb.Options{
		BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials, DisableValidateResponseChecksum: true,
	})
	return db, dynamodbstreams.New(dynamodbstreams.Options{BaseEndpoint: &endpoint, Region: "eu-west-1", Credentials: credentials})
}

// Endpoint returns the base URL of the test binary's one server, which the first call starts. All tests share it, and it
// keeps its tables in memory only: create a table with a random name for each test. It ends with the test binary, even
// when that is killed. When it cannot be started (no Java 17, no access to Maven Central), the test fails and says what
// to do; it never skips.
func Endpoint(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("DynamoDB Local: %v", err)
	}
	return s.Endpoint
}
