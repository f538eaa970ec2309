//go:build deploy

package deploy_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// object is a JSON object.
type object = map[string]any

// scim sends a request to a provider and returns the body of the response, whose status must be want.
func scim(t *testing.T, method, url, token string, body any, want int) object {
	t.Helper()
	var reader io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, reader)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/scim+json")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if answer.StatusCode != want {
		t.Fatalf("%s %s: %s, want %d: %s", method, url, answer.Status, want, text)
	}
	out := object{}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// person creates a person of a provider and returns their SCIM id.
func person(t *testing.T, baseURL, token, userName string) string {
	t.Helper()
	created := scim(t, http.MethodPost, baseURL+"/Users", token, object{
		"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": userName, "active": true,
	}, http.StatusCreated)
	return created["id"].(string)
}

// setActive sets whether a person is active, as Entra does.
func setActive(t *testing.T, baseURL, token, id string, active bool) {
	t.Helper()
	scim(t, http.MethodPatch, baseURL+"/Users/"+id, token, object{
		"schemas":    []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"},
		"Operations": []object{{"op": "replace", "path": "active", "value": active}},
	}, http.StatusOK)
}

// object runs the command with --json and returns the object it prints.
func (d *deployment) object(t *testing.T, args ...string) object {
	t.Helper()
	text, out := d.rollcall(t, append(args, "--json")...), object{}
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("rollcall %s: %v: %s", strings.Join(args, " "), err, text)
	}
	return out
}

// listed runs a listing command with --json and returns its items.
func (d *deployment) listed(t *testing.T, args ...string) (all []object) {
	t.Helper()
	items, _ := d.object(t, args...)["items"].([]any)
	for _, o := range items {
		all = append(all, o.(object))
	}
	return all
}

// eventually waits until the condition is met, at most for the given time.
func eventually(t *testing.T, what string, within time.Duration, met func() bool) {
	t.Helper()
	for deadline := time.Now().Add(within); !met(); time.Sleep(500 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s: not %s", within, what)
		}
	}
}

// queue creates a queue and returns its URL and ARN.
func (d *deployment) queue(t *testing.T, name string) (url, arn string) {
	t.Helper()
	var created struct{ QueueUrl string }
	if err := d.cloud.Call(t.Context(), "AmazonSQS.CreateQueue", object{"QueueName": name}, &created); err != nil {
		t.Fatal(err)
	}
	var has struct{ Attributes map[string]string }
	if err := d.cloud.Call(t.Context(), "AmazonSQS.GetQueueAttributes",
		object{"QueueUrl": created.QueueUrl, "AttributeNames": []string{"QueueArn"}}, &has); err != nil {
		t.Fatal(err)
	}
	return created.QueueUrl, has.Attributes["QueueArn"]
}

// taken removes at most ten messages from a queue and returns their bodies.
func (d *deployment) taken(t *testing.T, queue string) (bodies []string) {
	t.Helper()
	var got struct {
		Messages []struct{ Body, ReceiptHandle string }
	}
	if err := d.cloud.Call(t.Context(), "AmazonSQS.ReceiveMessage", object{"QueueUrl": queue, "MaxNumberOfMessages": 10}, &got); err != nil {
		t.Fatal(err)
	}
	for _, m := range got.Messages {
		bodies = append(bodies, m.Body)
		if err := d.cloud.Call(t.Context(), "AmazonSQS.DeleteMessage", object{"QueueUrl": queue, "ReceiptHandle": m.ReceiptHandle},
			nil); err != nil {
			t.Fatal(err)
		}
	}
	return bodies
}
