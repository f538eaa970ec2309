package dynamolocal_test

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/integration/tools/dynamolocal"
)

func client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region:                          "eu-west-1",
		BaseEndpoint:                    aws.String(endpoint),
		Credentials:                     credentials.NewStaticCredentialsProvider("local", "local", ""),
		DisableValidateResponseChecksum: true,
	})
}

func createTable(t *testing.T, c *dynamodb.Client, name string) {
	t.Helper()
	_, err := c.CreateTable(t.Context(), &dynamodb.CreateTableInput{
		TableName:            aws.String(name),
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("PK"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("PK"), KeyType: types.KeyTypeHash}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

func tables(t *testing.T, c *dynamodb.Client) string {
	t.Helper()
	out, err := c.ListTables(t.Context(), &dynamodb.ListTablesInput{})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(out.TableNames, " ")
}

func TestEndpointIsOneServer(t *testing.T) {
	t.Parallel()
	one, two := dynamolocal.Endpoint(t), dynamolocal.Endpoint(t)
	if one != two {
		t.Errorf("two calls gave %s and %s, want one server", one, two)
	}
	createTable(t, client(one), "shared")
	if got := tables(t, client(two)); got != "shared" {
		t.Errorf("ListTables gave %q", got)
	}
}

func TestStartKeepsTablesInItsFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i := range 2 {
		s, err := dynamolocal.Start(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			createTable(t, client(s.Endpoint), "kept")
		} else if got := tables(t, client(s.Endpoint)); got != "kept" {
			t.Errorf("after a restart ListTables gave %q", got)
		}
		for range 2 {
			if err := s.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
		}
		if answers(s.Endpoint) {
			t.Errorf("%s answers after Close", s.Endpoint)
		}
	}
}

func TestStartWithoutJavaSaysWhatToInstall(t *testing.T) {
	t.Setenv("JAVA_HOME", t.TempDir())
	_, err := dynamolocal.Start(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "Java 17") || !strings.Contains(err.Error(), "apt-get install") {
		t.Errorf("error %v, want one that says which Java to install", err)
	}
}

func TestStartWithOldJavaSaysWhatToInstall(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(home+"/bin", 0o700); err != nil {
		t.Fatal(err)
	}
	old := "#!/bin/sh\necho 'openjdk version \"11.0.20\" 2023-07-18' >&2\n"
	if err := os.WriteFile(home+"/bin/java", []byte(old), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("JAVA_HOME", home)
	_, err := dynamolocal.Start(t.Context(), "")
	if err == nil || !strings.Contains(err.Error(), "Java 17") || !strings.Contains(err.Error(), "is version 11") {
		t.Errorf("error %v, want one that names the installed and the required Java", err)
	}
}

// TestServerEndsWithItsOwner kills a process that owns a server with a signal that it cannot handle.
func TestServerEndsWithItsOwner(t *testing.T) {
	if os.Getenv("DYNAMOLOCAL_TEST_OWNER") != "" {
		own(t)
		return
	}
	t.Parallel()
	owner := exec.Command(os.Args[0], "-test.run=^TestServerEndsWithItsOwner$")
	owner.Env = append(os.Environ(), "DYNAMOLOCAL_TEST_OWNER=1")
	owner.Stderr = os.Stderr
	out, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = owner.Process.Kill() })
	endpoint, err := bufio.NewReader(out).ReadString('\n')
	endpoint = strings.TrimSpace(endpoint)
	if err != nil || !answers(endpoint) {
		t.Fatalf("the owner's server at %q does not answer (%v)", endpoint, err)
	}
	if err := owner.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(10 * time.Second); answers(endpoint); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s answers 10 s after its owner was killed", endpoint)
		}
	}
	_ = owner.Wait()
}

// own runs in the process that is killed: it starts a server, prints its endpoint and waits.
func own(t *testing.T) {
	_, _ = io.WriteString(os.Stdout, dynamolocal.Endpoint(t)+"\n")
	select {}
}

func answers(endpoint string) bool {
	res, err := http.Get(endpoint)
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return true
}
