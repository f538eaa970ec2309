package workflow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"rollcall/shared/directory"
	"rollcall/shared/workflow"
)

// putEvents stands in for EventBridge, since no emulator refuses some events of a call. It refuses each event as often
// as refuse says.
type putEvents struct {
	*testing.T
	mu     sync.Mutex
	refuse map[string]int // by event id
	taken  []directory.Event
	calls  int
}

func (p *putEvents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	var in struct {
		Entries []struct{ Source, DetailType, Detail, EventBusName string }
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || len(in.Entries) > 10 ||
		r.Header.Get("X-Amz-Target") != "AWSEvents.PutEvents" {
		p.Errorf("%s with %d entries: %v", r.Header.Get("X-Amz-Target"), len(in.Entries), err)
	}
	type result struct{ EventId, ErrorCode, ErrorMessage *string }
	var out struct {
		FailedEntryCount int
		Entries          []result
	}
	for _, e := range in.Entries {
		var ev directory.Event
		if err := json.Unmarshal([]byte(e.Detail), &ev); err != nil || e.Source != "rollcall" || e.DetailType != string(ev.Type) ||
			e.EventBusName != "bus" {
			p.Errorf("entry %+v: %v", e, err)
		}
		if p.refuse[ev.ID]--; p.refuse[ev.ID] >= 0 {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, result{ErrorCode: aws.String("ThrottlingException"), ErrorMessage: aws.String("slow down")})
			continue
		}
		p.taken = append(p.taken, ev)
		out.Entries = append(out.Entries, result{EventId: aws.String("x")})
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		p.Error(err)
	}
}

func events(n int) (out []directory.Event) {
	for i := range n {
		out = append(out,
			directory.Event{ID: fmt.Sprintf("e1-%d", i), Type: directory.EventUserCreated, Time: time.UnixMilli(1e12).UTC(), Tenant: "default",
				Subject: "u1", Sequence: 1})
	}
	return out
}

// Both buses take all events or return an error; to EventBridge only refused events are sent again.
func TestBuses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, buses)
}

// Do implements the HTTP client of the SDK without a network, so that synctest can skip the time between tries.
func (p *putEvents) Do(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	p.ServeHTTP(w, r)
	return w.Result(), nil
}

func buses(t *testing.T) {
	fake := &putEvents{T: t, refuse: map[string]int{"e1-3": 1, "e1-17": 3, "e1-24": 2}}
	remote := workflow.NewBus(eventbridge.New(eventbridge.Options{
		Region: "eu-west-1", HTTPClient: fake, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	}), "bus")
	local := &workflow.LocalBus{}
	for _, c := range []struct {
		name  string
		bus   directory.EventBus
		taken func() []directory.Event
	}{{"EventBridge", remote, func() []directory.Event { return fake.taken }}, {"in the process", local, local.Events}} {
		es := events(25)
		if err := c.bus.Publish(t.Context(), es); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		var ids []string
		for _, e := range c.taken() {
			ids = append(ids, e.ID)
		}
		want := make([]string, len(es))
		for i, e := range es {
			want[i] = e.ID
		}
		slices.Sort(ids)
		slices.Sort(want)
		if !slices.Equal(ids, want) {
			t.Errorf("%s took %v, want each once", c.name, ids)
		}
	}
	if fake.calls != 3+1+3+2 {
		t.Errorf("%d calls", fake.calls)
	}
	fake.refuse["e1-0"] = 100
	if err := remote.Publish(t.Context(), events(1)); !directory.IsKind(err, directory.Unavailable) {
		t.Errorf("an event that is always refused: %v", err)
	}
	local.Refuse = func([]directory.Event) error { return directory.Errorf(directory.Unavailable, "no") }
	if err := local.Publish(t.Context(), events(1)); !directory.IsKind(err, directory.Unavailable) {
		t.Errorf("an event that is always refused: %v", err)
	}
}
