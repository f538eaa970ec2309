package dynamo_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo"
)

// A log entry has its time to live from the start, so that the table drops it without a job; erasing keeps it.
func TestEntriesExpire(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	db, _ := dynamolocal.Clients(t)
	table := newTable(t)
	for retention, want := range map[time.Duration]time.Duration{0: directory.DefaultLogRetention, 30 * 24 * time.Hour: 30 * 24 * time.Hour} {
		s, err := dynamo.Open(ctx, dynamo.Config{Now: time.Now, Client: db, Table: table, LogRetention: retention})
		if err != nil {
			t.Fatal(err)
		}
		e := directory.LogEntry{ID: directory.EntryID("e" + random.ID()), At: time.Now().UTC().Truncate(time.Millisecond),
			Provider: "default01234", Action: directory.UserUpdated, Name: "kim"}
		if err := s.AppendEntry(ctx, "default", e); err != nil {
			t.Fatal(err)
		}
		for _, erase := range []bool{false, true} {
			if erase {
				if err := s.EraseEntry(ctx, "default", e.Stub(nil), 0); err != nil {
					t.Fatal(err)
				}
			}
			out, err := db.Scan(ctx, &dynamodb.ScanInput{
				TableName: &table, ConsistentRead: aws.Bool(true), FilterExpression: aws.String("SK = :sk"),
				ExpressionAttributeValues: map[string]types.AttributeValue{":sk": &types.AttributeValueMemberS{Value: e.Position()}},
			})
			if err != nil || len(out.Items) != 1 {
				t.Fatalf("%d items, %v", len(out.Items), err)
			}
			if got, ok := out.Items[0]["ttl"].(*types.AttributeValueMemberN); !ok || got.Value != strconv.FormatInt(e.At.Add(want).Unix(), 10) {
				t.Errorf("retention %v, erased %v: ttl %v", retention, erase, out.Items[0]["ttl"])
			}
		}
	}
}
