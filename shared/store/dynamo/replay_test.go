package dynamo_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo"
)

// forgetful carries requests out and loses the answer to the first.
type forgetful struct {
	lost bool
}

func (f *forgetful) Do(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultClient.Do(r)
	if err == nil && !f.lost {
		f.lost = true
		_ = answer.Body.Close()
		return nil, io.ErrUnexpectedEOF
	}
	return answer, err
}

// An answer that is lost on its way makes AWS's client ask again: what it finds then is its own request, no other.
func TestReplayBegunWhenTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	db, _ := dynamolocal.Clients(t)
	f := &forgetful{}
	s, err := dynamo.Open(t.Context(),
		dynamo.Config{Now: time.Now, Client: dynamodb.New(db.Options(), func(o *dynamodb.Options) { o.HTTPClient = f }), Table: newTable(t)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.UnixMilli(1e12)
	r := directory.Replay{Key: "k", Request: "r", Expires: now.Add(time.Hour)}
	_, found, err := s.BeginReplay(t.Context(), "acme1", r, now)
	if err != nil || found || !f.lost {
		t.Errorf("the first request is told that another one runs: %v, %v", found, err)
	}
	if _, found, err := s.BeginReplay(t.Context(), "acme1", r, now); err != nil || !found {
		t.Errorf("a second request is told %v, %v", found, err)
	}
}
