package workflow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
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
	down   bool
}

func (p *putEvents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if p.down {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
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

// Both buses take all events, or name those that they refused; to EventBridge only refused events are sent again.
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
		if refused, err := c.bus.Publish(t.Context(), es); err != nil || len(refused) > 0 {
			t.Errorf("%s: refused %v, %v", c.name, refused, err)
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
	fake.refuse["e1-2"], fake.refuse["e1-14"] = 100, 100
	local.Refuse = func(e directory.Event) error {
		if e.ID == "e1-2" || e.ID == "e1-14" {
			return directory.Errorf(directory.Unavailable, "no")
		}
		return nil
	}
	for _, bus := range []directory.EventBus{remote, local} {
		refused, err := bus.Publish(t.Context(), events(15))
		if !directory.IsKind(err, directory.Unavailable) || !slices.Equal(refused, []int{2, 14}) {
			t.Errorf("events that are always refused: %v, %v", refused, err)
		}
	}
	fake.calls, fake.down = 0, true
	refused, err := remote.Publish(t.Context(), events(25))
	if !directory.IsKind(err, directory.Unavailable) || len(refused) != 25 || fake.calls > 3 {
		t.Errorf("a bus that is down: %d refused after %d calls, %v", len(refused), fake.calls, err)
	}
	fake.calls, fake.down = 0, false
	large := events(15)
	for i := range large {
		large[i].Subject = strings.Repeat("x", 60<<10)
	}
	if refused, err := remote.Publish(t.Context(), large); err == nil || len(refused) != 2 || fake.calls < 5 {
		t.Errorf("large events: %v refused after %d calls, %v", refused, fake.calls, err)
	}
}
