//go:build deploy

package deploy_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"rollcall/shared/directory"
)

// listen subscribes a queue to the deployment's bus, as an application does, and returns its URL.
func (d *deployment) listen(t *testing.T) (queue string) {
	t.Helper()
	queue, arn := d.queue(t, "listener")
	client := eventbridge.NewFromConfig(d.cloud.Config())
	bus, name := aws.String("Rollcall"), aws.String("listener")
	_, err := client.PutRule(t.Context(),
		&eventbridge.PutRuleInput{Name: name, EventBusName: bus, EventPattern: aws.String(`{"source":["rollcall"]}`)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{
		Rule: name, EventBusName: bus, Targets: []types.Target{{Id: name, Arn: &arn}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return queue
}

// heard checks the events in the queue: each conforms to its schema, one that arrives again is the same, and there is
// one for each created user and group.
func (d *deployment) heard(queue string) func(*testing.T) {
	return func(t *testing.T) {
		compiler := jsonschema.NewCompiler()
		compiler.AssertFormat()
		seen, kinds := map[string]object{}, map[string]int{}
		for quiet := 0; quiet < 3; {
			bodies := d.taken(t, queue)
			if len(bodies) == 0 {
				quiet++
				time.Sleep(time.Second)
			}
			for _, body := range bodies {
				d.hear(t, compiler, body, seen, kinds)
			}
		}
		t.Logf("events of the provider: %v", kinds)
		for kind, want := range map[directory.EventType]int{directory.EventUserCreated: d.cycle.Counts["users created"],
			directory.EventGroupCreated: d.cycle.Counts["groups created"]} {
			if kinds[string(kind)] != want {
				t.Errorf("%d events %s, want %d", kinds[string(kind)], kind, want)
			}
		}
	}
}

func (d *deployment) hear(t *testing.T, compiler *jsonschema.Compiler, body string, seen map[string]object, kinds map[string]int) {
	t.Helper()
	message, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	e := message.(object)
	detail, _ := e["detail"].(object)
	kind, _ := e["detail-type"].(string)
	schema, err := compiler.Compile(root + "/events/schemas/" + kind + ".json")
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	if err := schema.Validate(detail); err != nil || e["source"] != "rollcall" || detail["type"] != kind {
		t.Errorf("%s: %v", body, err)
	}
	event, _ := detail["id"].(string)
	if first, again := seen[event]; again { // the stream and the bus deliver at least once
		if diff := cmp.Diff(first, detail); diff != "" {
			t.Errorf("the event %s arrived again with other details (-first +again):\n%s", event, diff)
		}
		return
	}
	seen[event] = detail
	if detail["provider"] == string(d.provisioned) {
		kinds[kind]++
	}
}
