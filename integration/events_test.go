package integration_test

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"rollcall/integration/stack"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/follow"
	"rollcall/shared/scimapi"
)

// Each sample event of API Gateway decodes strictly, and its function returns the expected status.
func TestSampleEvents(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	o := scimapi.Options{Origin: stack.Origin}
	handlers := map[string]http.Handler{
		"users": scimapi.Users(s.Service.Provisioning, o), "groups": scimapi.Groups(s.Service.Provisioning, o),
		"discovery": scimapi.Discovery(s.Service.Provisioning, o), "bulk": scimapi.Bulk(s.Service.Provisioning, o),
	}
	want := map[string]int{"users.create": 201, "users.match": 200, "groups.create": 201, "discovery.schemas": 200, "bulk": 200}
	files, err := filepath.Glob("../events/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		function, _, _ := strings.Cut(name, ".")
		h, ok := handlers[function]
		if !ok {
			continue // another kind of event: its function's own test decodes it
		}
		var e events.APIGatewayProxyRequest
		decodeStrictly(t, file, &e)
		e.Path = strings.Replace(e.Path, "default0a1b2", string(s.Provider.ID), 1)
		e.MultiValueHeaders["Authorization"] = []string{"Bearer " + s.Token}
		a, err := app.Gateway(app.Middleware(h, app.NewLog(&bytes.Buffer{}), function, scimapi.Panicked))(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		if a.StatusCode != want[name] {
			t.Errorf("%s: status %d, want %d: %s", name, a.StatusCode, want[name], a.Body)
		}
		delete(want, name)
	}
	if len(want) > 0 {
		t.Errorf("no sample for %v", want)
	}
}

func decodeStrictly(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		t.Errorf("%s: %v", file, err)
	}
}

// The sample of the table's stream decodes strictly. Its log entry is followed once, however often it is delivered. A
// record that cannot be read is set aside once and does not block the records after it.
func TestSampleChanges(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	var sample events.DynamoDBEvent
	decodeStrictly(t, "../events/changes.json", &sample)
	logEntry(t, s, sample.Records[0])
	follow := app.Changes(s.Service.Follow, app.NewLog(&bytes.Buffer{}))
	for range 2 {
		answer, err := follow(t.Context(), sample)
		if err != nil || len(answer.BatchItemFailures) > 0 {
			t.Fatalf("%v %v", answer, err)
		}
	}
	at := time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)
	counts, err := s.Service.Counts.Counts(t.Context(), directory.DefaultTenant, "default0a1b2", at)
	if err != nil {
		t.Fatal(err)
	}
	if counts[directory.UserDisabled] != 1 || len(counts) != 1 {
		t.Errorf("counts %v, want one user.disabled", counts)
	}
	broken := sample.Records[0]
	broken.Change.NewImage = map[string]events.DynamoDBAttributeValue{"PK": broken.Change.NewImage["PK"], "SK": broken.Change.NewImage["SK"],
		"v": broken.Change.NewImage["v"], "e": events.NewStringAttribute("{")}
	later := sample.Records[0]
	later.Change.NewImage = maps.Clone(later.Change.NewImage)
	later.Change.NewImage["e"] = events.NewStringAttribute(strings.Replace(later.Change.NewImage["e"].String(), "a1", "a2", 1))
	logEntry(t, s, later)
	for range 2 {
		answer, err := follow(t.Context(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{broken, later}})
		if err != nil || len(answer.BatchItemFailures) != 0 {
			t.Errorf("%v %v, want no record to be delivered again", answer, err)
		}
	}
	if counts, err = s.Service.Counts.Counts(t.Context(), directory.DefaultTenant, "default0a1b2", at); err != nil ||
		counts[directory.UserDisabled] != 2 {
		t.Errorf("counts %v, %v: the record after the broken one was not followed", counts, err)
	}
	aside, err := s.Service.SetAsides.ListSetAside(t.Context(), directory.DefaultTenant, "", 10)
	if err != nil || len(aside) != 1 || aside[0].Entry != "e00000000000000000000000a1" || aside[0].Provider != "default0a1b2" ||
		aside[0].At.IsZero() || len(aside[0].Steps) > 0 {
		t.Errorf("set aside: %+v, %v", aside, err)
	}
}

// logEntry stores the log entry of a stream record, since only entries of the log are counted.
func logEntry(t *testing.T, s *stack.Stack, r events.DynamoDBEventRecord) {
	t.Helper()
	var e directory.LogEntry
	if err := json.Unmarshal([]byte(r.Change.NewImage["e"].String()), &e); err != nil {
		t.Fatal(err)
	}
	if err := s.Service.Log.AppendEntry(t.Context(), directory.DefaultTenant, e); err != nil {
		t.Fatal(err)
	}
}

// The functions handle the events of schedules and refuse anything else.
func TestSampleWork(t *testing.T) {
	t.Parallel()
	h := newWebhookEnv(t, nil)
	r := newReceiver(t, h.Clock.Now)
	h.webhook(r.URL)
	h.user("kim")
	h.follow()
	h.Clock.Advance(5 * time.Minute)
	var log bytes.Buffer
	do, jobs := app.ChangesOrWork(h.Service.Follow, app.NewLog(&bytes.Buffer{})), app.Jobs(h.Service.Follow, app.NewLog(&log))
	for range 2 {
		raw, err := os.ReadFile("../events/changes.retry.json")
		h.must(err)
		_, err = do(t.Context(), raw)
		h.must(err)
		for _, j := range follow.Jobs() {
			if j.Function == "jobs" {
				var e app.JobEvent
				decodeStrictly(t, "../events/jobs."+string(j.Name)+".json", &e)
				h.want("sample", e, app.JobEvent{Work: app.Work{Do: j.Name}})
				_, err := jobs(t.Context(), e)
				h.must(err)
			}
		}
	}
	for _, metric := range []string{`"UnsealedSeconds":0,`, `"PurgeSeconds":0,`, `"RetainSeconds":0,`, `"TaskSeconds":0,`} {
		h.want(metric, strings.Count(log.String(), metric), 2)
	}
	h.want("arrived before they were sent", r.take(), "[]")
	var work app.Work
	decodeStrictly(t, "../events/deliver.json", &work)
	ctx, cancel := context.WithTimeout(t.Context(), 15500*time.Millisecond) // it stops 15 s before its end
	defer cancel()
	deliver := app.Deliver(h.Service.Follow, app.NewLog(&bytes.Buffer{}))
	h.must(deliver(ctx, work))
	h.want("arrived", r.take(), "[user.created]")
	if deliver(t.Context(), app.Work{Do: "seal"}) == nil {
		t.Error("other work is not refused")
	}
	head, err := h.Service.Chains.ChainHead(t.Context(), h.Admin.Tenant, h.Provider.ID)
	h.must(err)
	h.want("blocks", head.Seq, 2)
	stream, err := os.ReadFile("../events/changes.json")
	h.must(err)
	answer, err := do(t.Context(), stream)
	h.must(err)
	h.want("a batch of the stream", answer, events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}})
	if _, err := do(t.Context(), []byte(`{"Do":"nothing"}`)); err == nil {
		t.Error("unknown work is not refused")
	}
}
