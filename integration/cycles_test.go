package integration_test

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"

	"rollcall/integration/entra"
	"rollcall/integration/stack"
	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/app"
	"rollcall/shared/directory"
	"rollcall/shared/proof"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/stream"
)

// orderedBus keeps the sequences of each subject's events, in their order.
type orderedBus struct {
	mu        sync.Mutex
	sequences map[string][]int64
}

func (b *orderedBus) Publish(_ context.Context, es []directory.Event) ([]int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range es {
		s := b.sequences[e.Subject]
		if len(s) == 0 || s[len(s)-1] != e.Sequence {
			b.sequences[e.Subject] = append(s, e.Sequence)
		}
	}
	return nil, nil
}

// Entra's initial cycles of three tenants at the same time, followed through the handler of functions/changes as they are
// written: no entry is left, following costs no more than its budget, and the events of each person and group come in the
// order of their numbers, those of groups without a gap.
func TestThreeInitialCyclesAtOnce(t *testing.T) {
	t.Parallel()
	const mostRead, mostWrite = 8, 4 // units an entry
	db, streams := dynamolocal.Clients(t)
	table := "rollcall-" + random.ID()
	if err := dynamo.CreateTable(t.Context(), db, table); err != nil {
		t.Fatal(err)
	}
	store, err := dynamo.Open(t.Context(), dynamo.Config{Now: time.Now, Client: db, Table: table})
	if err != nil {
		t.Fatal(err)
	}
	bus := &orderedBus{sequences: map[string][]int64{}}
	open := func(testing.TB) directory.Ports { return store.Ports() }
	var stacks []*stack.Stack
	for range 3 {
		stacks = append(stacks, stack.New(t, stack.Options{Ports: open, External: directory.External{Bus: bus}}))
	}
	var cycles sync.WaitGroup
	for i, seed := range []uint64{1, 2, 3} {
		s := stacks[i]
		cycles.Go(func() {
			job := &entra.Job{BaseURL: s.BaseURL, Token: s.Token, HTTP: &http.Client{Transport: transport{s.Local()}}}
			cycle, err := job.Cycle(t.Context(), entra.Generate(entra.Options{Users: proof.Size(15, 60), Groups: 3, Seed: seed}))
			if err != nil || len(cycle.Failures) > 0 {
				t.Errorf("the cycle of tenant %d: %v, %v", i, err, cycle.Failures)
			}
		})
	}
	done := make(chan struct{})
	go func() { cycles.Wait(); close(done) }()
	ctx, m := meter.With(t.Context())
	n := followStream(ctx, t, stacks[0], &stream.Reader{Client: db, Streams: streams, Table: table, Now: time.Now,
		Fault: func(_ string, err error) error { return err }}, done)
	if read, write := m.ReadUnits()/float64(n), m.WriteUnits()/float64(n); read > mostRead || write > mostWrite {
		t.Errorf("following cost %.1f read and %.1f write units an entry; at most %d and %d are allowed", read, write, mostRead, mostWrite)
	} else {
		t.Logf("%d entries, each %.1f read and %.1f write units", n, read, write)
	}
	for _, s := range stacks {
		for _, p := range []directory.ProviderID{"", s.Provider.ID} {
			es, _, err := store.Ports().Counts.Uncounted(t.Context(), s.Admin.Tenant, p, "", "", 100_000)
			if err != nil || len(es) > 0 {
				t.Errorf("%d entries were not followed: %v", len(es), err)
			}
		}
	}
	groups := 0
	for subject, sequences := range bus.sequences {
		if !slices.IsSorted(sequences) {
			t.Errorf("the events of %s come in the order %v", subject, sequences)
		}
		if directory.ScimID(subject).IsGroup() {
			groups++
			for i, sequence := range sequences {
				if sequence != int64(i+1) {
					t.Errorf("the events of group %s have the numbers %v", subject, sequences)
					break
				}
			}
		}
	}
	if groups != 9 {
		t.Errorf("events of %d groups, want 9", groups)
	}
}

// followStream hands the records of a stream to the handler of functions/changes until done is closed and nothing more
// comes, and returns how many entries they were.
func followStream(ctx context.Context, t *testing.T, s *stack.Stack, r *stream.Reader, done <-chan struct{}) (n int) {
	t.Helper()
	changes := app.Changes(s.Service.Follow, app.NewLog(&bytes.Buffer{}))
	for idle := 0; idle < 3; {
		ended := false
		select {
		case <-done:
			ended = true
		default:
		}
		got, err := r.Deliver(ctx, func(ctx context.Context, rs []types.Record) (int, error) {
			var e events.DynamoDBEvent
			for _, record := range rs {
				if record.EventName == types.OperationTypeInsert && record.Dynamodb.NewImage["e"] != nil {
					e.Records = append(e.Records, lambdaRecord(record))
				}
			}
			answer, err := changes(ctx, e)
			if len(answer.BatchItemFailures) > 0 {
				t.Errorf("records come again: %v", answer.BatchItemFailures)
			}
			return len(e.Records), err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n += got; got > 0 || !ended {
			idle = 0
			continue
		}
		idle++
	}
	return n
}

// lambdaRecord is a record as Lambda passes it on.
func lambdaRecord(r types.Record) events.DynamoDBEventRecord {
	image := map[string]events.DynamoDBAttributeValue{}
	for name, v := range r.Dynamodb.NewImage {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			image[name] = events.NewStringAttribute(v.Value)
		case *types.AttributeValueMemberN:
			image[name] = events.NewNumberAttribute(v.Value)
		case *types.AttributeValueMemberB:
			image[name] = events.NewBinaryAttribute(v.Value)
		}
	}
	return events.DynamoDBEventRecord{EventName: string(r.EventName),
		Change: events.DynamoDBStreamRecord{NewImage: image, SequenceNumber: *r.Dynamodb.SequenceNumber}}
}
