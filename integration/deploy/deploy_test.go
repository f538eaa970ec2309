//go:build deploy

package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/integration/deploy"
	"rollcall/integration/entra"
	"rollcall/integration/entra/wire"
	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
)

const root = "../.."

// deployment is the deployed service, as its administrator uses it.
type deployment struct {
	cloud   *deploy.Cloud
	origin  string
	outputs map[string]map[string]string
	key     string
	command string // the rollcall command

	provisioned directory.ProviderID // by entra
	cycle       entra.Cycle
}

// TestDeployment deploys the commercial stacks as docs/deploy.md describes, and uses them: first steps, Entra, changes,
// another deployment, destruction. The subtests run one after the other; a new function adds its own, as a file of this
// package and a line here.
func TestDeployment(t *testing.T) {
	t.Parallel()
	d := start(t, "us-east-1")
	d.deploy(t)
	d.firstSteps(t)
	t.Run("errors of the gateway are SCIM errors", d.gatewayErrors)
	queue := d.listen(t)
	soon, alarm := d.leave(t, false), d.alarm(t)
	t.Run("Entra provisions 100 people and 10 groups, and every change is followed", d.entra)
	t.Run("the exchanges recorded from Entra get the same responses as on a laptop", d.wire)
	t.Run("the schedule of a due minute fires and deactivates the leaver", d.woken(soon))
	t.Run("Scheduler delivers wake-ups like the one in the process", alarm)
	lost := d.leave(t, true)
	t.Run("every change is an event on the bus that conforms to its schema", d.heard(queue))
	t.Run("the state machine applies a mapping and undoes it", d.apply)
	t.Run("the state machine carries a long task", d.longTask)
	t.Run("a webhook's secret is encrypted by KMS and signs its deliveries", d.webhook)
	t.Run("the operator creates, pauses and removes a tenant", d.tenants)
	t.Run("the sweep deactivates the leaver whose schedule was lost", d.swept(lost))
	t.Run("the log is signed by KMS and verified without the service", d.signed)
	t.Run("no name of a person is in a log", d.quietLog)
	t.Run("deploying again changes nothing", func(t *testing.T) { unchanged(t, d.cloud, d.settings(), "RollcallData", "Rollcall") })
	t.Run("destroying the service keeps the data", d.destroy)
}

// TestGovCloud deploys the GovCloud stacks. Their functions call FIPS endpoints, which the emulator does not have, so
// they are deployed but not invoked.
func TestGovCloud(t *testing.T) {
	t.Parallel()
	d := start(t, "us-gov-west-1")
	if _, _, err := d.cloud.Deploy(t.Context(), d.settings(), "RollcallGovData", "RollcallGov"); err != nil {
		t.Fatal(err)
	}
	unchanged(t, d.cloud, d.settings(), "RollcallGovData", "RollcallGov")
}

func start(t *testing.T, region string) *deployment {
	t.Helper()
	cloud, err := deploy.Start(t.Context(), root, region, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the emulator's output:\n%s", tail(cloud.Log(), 60))
		}
		if err := cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := cloud.Bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &deployment{cloud: cloud}
}

func tail(text string, n int) string {
	lines := strings.Split(text, "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func (d *deployment) settings() []string {
	if d.origin == "" {
		return nil
	}
	return []string{"origin=" + d.origin}
}

// deploy deploys the stacks behind a public URL.
func (d *deployment) deploy(t *testing.T) {
	t.Helper()
	var gateway http.Handler
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { gateway.ServeHTTP(w, r) }))
	t.Cleanup(server.Close)
	d.origin = server.URL
	began := time.Now()
	var err error
	if d.outputs, _, err = d.cloud.Deploy(t.Context(), d.settings(), "RollcallData", "Rollcall"); err != nil {
		t.Fatal(err)
	}
	t.Logf("deployed in %.1f s", time.Since(began).Seconds())
	if gateway, err = d.cloud.Gateway(d.output("ApiId"), d.output("ApiStage")); err != nil {
		t.Fatal(err)
	}
}

func (d *deployment) output(name string) string { return d.outputs["Rollcall"][name] }

// firstSteps creates the first key with the command in the stack's output.
func (d *deployment) firstSteps(t *testing.T) {
	t.Helper()
	d.command = filepath.Join(t.TempDir(), "rollcall")
	if out, err := exec.Command("go", "build", "-o", d.command, "rollcall/integration/rollcall").CombinedOutput(); err != nil {
		t.Fatalf("build the command: %v\n%s", err, out)
	}
	words := strings.Fields(d.output("FirstStep"))
	if len(words) < 2 || words[0] != "rollcall" {
		t.Fatalf("the output FirstStep is %q", d.output("FirstStep"))
	}
	d.key = strings.TrimSpace(d.rollcall(t, words[1:]...))
	if !strings.HasPrefix(d.key, "rk_default_") {
		t.Fatalf("the first key is %q", d.key)
	}
	tag, err := exec.Command("git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		t.Fatal(err)
	}
	if version := d.rollcall(t, "version", "--server"); !strings.Contains(version, strings.TrimSpace(string(tag))) {
		t.Errorf("the functions are of version %q, want %s", version, tag)
	}
}

// rollcall runs the command against the deployment and returns its output.
func (d *deployment) rollcall(t *testing.T, args ...string) string {
	t.Helper()
	out, err := d.try(t, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// try is like rollcall, but returns the error.
func (d *deployment) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), d.command, args...)
	cmd.Env = append(d.cloud.Env(), "ROLLCALL_ADMIN_URL="+d.output("AdminURL"), "ROLLCALL_ADMIN_TOKEN="+d.key)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("rollcall %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}

// provider creates a provider with the command and returns its id, base URL and token.
func (d *deployment) provider(t *testing.T, name string) (id directory.ProviderID, baseURL, token string) {
	t.Helper()
	var p struct {
		ID             directory.ProviderID
		BaseURL, Token string
	}
	text := d.rollcall(t, "provider", "create", name, "--json")
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Token == "" {
		t.Fatalf("%v: %s", err, text)
	}
	if want := d.output("ScimURL") + string(p.ID); p.BaseURL != want {
		t.Errorf("the base URL is %s, want %s", p.BaseURL, want)
	}
	return p.ID, p.BaseURL, p.Token
}

func (d *deployment) gatewayErrors(t *testing.T) {
	for _, c := range []struct {
		path   string
		status int
	}{
		{"/nonesuch", http.StatusNotFound},                       // the gateway's own response
		{"/scim/v2/default00000/Users", http.StatusUnauthorized}, // the service's
		{"/scim/v2/default00000/Nonesuch/1", http.StatusUnauthorized},
	} {
		r, err := http.Get(d.origin + c.path)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Schemas []string
			Status  string
		}
		err = json.NewDecoder(r.Body).Decode(&e)
		_ = r.Body.Close()
		if r.StatusCode != c.status || err != nil || !slices.Contains(e.Schemas, "urn:ietf:params:scim:api:messages:2.0:Error") ||
			r.Header.Get("Content-Type") != "application/scim+json" {
			t.Errorf("%s: status %d, %s, %v %v", c.path, r.StatusCode, r.Header.Get("Content-Type"), e, err)
		}
	}
}

// entra provisions people and groups to a new provider, and stores its id and the cycle in d.
func (d *deployment) entra(t *testing.T) {
	began := time.Now()
	id, baseURL, token := d.provider(t, "Entra")
	people := entra.Generate(entra.Options{Users: 100, Groups: 10, Seed: 6})
	job := &entra.Job{BaseURL: baseURL, Token: token}
	if err := job.TestConnection(t.Context()); err != nil {
		t.Fatal(err)
	}
	cycle, err := job.Cycle(t.Context(), people)
	if err != nil || len(cycle.Failures) > 0 {
		t.Fatalf("initial cycle: %v, failures %v", err, cycle.Failures)
	}
	d.provisioned, d.cycle = id, cycle
	t.Logf("initial cycle: %d requests in %.1f s, %v", cycle.Requests, cycle.Seconds, cycle.Counts)
	if again, err := job.Cycle(t.Context(), people); err != nil || len(again.Failures) > 0 {
		t.Errorf("second cycle: %v, failures %v", err, again.Failures)
	}
	differences, err := job.Compare(t.Context(), people, entra.Census{})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range differences {
		t.Error(x)
	}
	d.followed(t, id, began, cycle)
}

// followed waits until functions/changes has counted the users and groups that the cycle created, from their log entries.
func (d *deployment) followed(t *testing.T, id directory.ProviderID, since time.Time, cycle entra.Cycle) {
	t.Helper()
	store := d.store(t)
	want := map[directory.Action]int{directory.UserCreated: cycle.Counts["users created"],
		directory.GroupCreated: cycle.Counts["groups created"]}
	var counts map[directory.Action]int
	var err error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Second) {
		if counts, err = store.Ports().Counts.Counts(t.Context(), directory.DefaultTenant, id, since.Truncate(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if counts[directory.UserCreated] == want[directory.UserCreated] && counts[directory.GroupCreated] == want[directory.GroupCreated] {
			t.Logf("changes counted %v", counts)
			return
		}
	}
	t.Errorf("changes counted %v, want %v: entries were lost or counted twice", counts, want)
}

func (d *deployment) table() *dynamodb.Client {
	return dynamodb.NewFromConfig(d.cloud.Config(), func(o *dynamodb.Options) { o.DisableValidateResponseChecksum = true })
}

// store returns the store on the deployment's table.
func (d *deployment) store(t *testing.T) *dynamo.Store {
	t.Helper()
	s, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: d.table(), Table: d.outputs["RollcallData"]["TableName"]})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (d *deployment) wire(t *testing.T) {
	_, baseURL, token := d.provider(t, "Wire")
	got := wire.Replay(t, wire.Target{Do: http.DefaultClient.Do, BaseURL: baseURL, Token: token})
	t.Logf("%d passed, %d not applicable", got.Passed, got.NotApplicable)
	if got.Passed < 60 {
		t.Errorf("only %d passed", got.Passed)
	}
}

// quietLog searches the logs of the functions for names of people.
func (d *deployment) quietLog(t *testing.T) {
	text := ""
	for _, name := range []string{"users", "groups", "discovery", "bulk", "admin", "changes", "deliver", "jobs", "deactivate", "apply"} {
		lines, err := d.cloud.LogLines(t.Context(), "/aws/lambda/Rollcall-"+name)
		if err != nil {
			t.Fatal(err)
		}
		text += strings.Join(lines, "\n")
	}
	if n := strings.Count(text, `"msg":"request"`); n < 400 {
		t.Fatalf("the functions logged %d requests: the test did not read all of them", n)
	}
	for _, p := range entra.Generate(entra.Options{Users: 100, Groups: 10, Seed: 6}).People {
		if strings.Contains(text, p.UserPrincipalName) || strings.Contains(text, p.Mail) && p.Mail != "" {
			t.Errorf("%s is in a log", p.UserPrincipalName)
		}
	}
}

func unchanged(t *testing.T, c *deploy.Cloud, settings []string, stacks ...string) {
	t.Helper()
	_, printed, err := c.Deploy(t.Context(), settings, stacks...)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(printed, "(no changes)"); n != len(stacks) {
		t.Errorf("%d of %d stacks have no changes:\n%s", n, len(stacks), printed)
	}
}

func (d *deployment) destroy(t *testing.T) {
	if _, err := d.cloud.CDK(t.Context(), "destroy", "--force", "Rollcall"); err != nil {
		t.Fatal(err)
	}
	r, err := http.Get(d.origin + "/scim/v2/default00000/Users")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(r.Body)
	_ = r.Body.Close()
	if strings.Contains(string(body), "bearer token") {
		t.Errorf("the service still answers %d: %s", r.StatusCode, body)
	}
	table := d.outputs["RollcallData"]["TableName"]
	answer, err := d.table().DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &table})
	if err != nil || !aws.ToBool(answer.Table.DeletionProtectionEnabled) {
		t.Errorf("the table is missing or not protected: %v", err)
	}
}
