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

// forgetful carries out requests and loses the answer to the first.
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

// If an answer is lost, the AWS client repeats the call and finds its own request, not that of another.
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
		t.Errorf("the first request sees another one running: %v, %v", found, err)
	}
	if _, found, err := s.BeginReplay(t.Context(), "acme1", r, now); err != nil || !found {
		t.Errorf("a second request sees %v, %v", found, err)
	}
}
