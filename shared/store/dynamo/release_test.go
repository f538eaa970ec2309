package dynamo_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/golden"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/storetest"
)

var keep = flag.String("keep", "", "keep the items of this `release` for the tests of later ones")

// releases holds the items of each release, as compressed JSON.
const releases = "testdata/releases"

// TestItemsOfEarlierReleases puts the items of each release into a table and reads all that is in them.
func TestItemsOfEarlierReleases(t *testing.T) {
	t.Parallel()
	if *keep != "" {
		keepItems(t, *keep)
	}
	files, err := filepath.Glob(filepath.Join(releases, "*.json.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v; want one of each release", len(files), err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json.gz")
		t.Run(name, func(t *testing.T) {
			db, _ := dynamolocal.Clients(t)
			spec := dynamo.TableSpec()
			spec.Stream, spec.TTL = "", "none" // the items are old, and must stay
			table := newTableOf(t, spec)
			for batch := range slices.Chunk(readItems(t, file), 25) {
				writes := make([]types.WriteRequest, len(batch))
				for i, it := range batch {
					writes[i].PutRequest = &types.PutRequest{Item: it}
				}
				_, err := db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{table: writes}})
				if err != nil {
					t.Fatal(err)
				}
			}
			s, err := dynamo.Open(t.Context(), dynamo.Config{Now: then, Client: db, Table: table})
			if err != nil {
				t.Fatal(err)
			}
			storetest.RekeyAll(t, s.Ports())
			golden.Check(t, "releases/"+name, []byte(storetest.DumpAll(t.Context(), s.Ports())))
			left := leaveDelivery(t, db, table, readItems(t, file))
			if sent := storetest.GoOn(t, s.Ports(), then); sent["e1-0"] != left {
				t.Errorf("the delivery that was left was sent %d times, want %d", sent["e1-0"], left)
			}
		})
	}
}

// leaveDelivery puts a pending delivery to an active webhook among the items into the table, in the index of releases before
// queues. It returns how many there are: one, if there is such a webhook.
func leaveDelivery(t *testing.T, db *dynamodb.Client, table string, items []map[string]types.AttributeValue) int {
	t.Helper()
	text := func(v types.AttributeValue) string {
		s, _ := v.(*types.AttributeValueMemberS)
		if s == nil {
			return ""
		}
		return s.Value
	}
	for _, it := range items {
		tenant, kind, _ := strings.Cut(text(it["PK"]), "#")
		if kind != "W" || !strings.Contains(text(it["r"]), `"State":"active"`) {
			continue
		}
		const id, due = "d0mx08bjso00000000000000000000", "2026-11-28T10:20:03Z"
		record := fmt.Sprintf(`{"ID":%q,"Webhook":%q,"At":%q,"Entry":"e1","Type":"user.blocked","Body":{"id":"e1-0"},"State":"pending",`+
			`"CreatedAt":%[3]q,"DueAt":%[3]q,"DoneAt":"0001-01-01T00:00:00Z"}`, id, text(it["SK"]), due)
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &table, Item: map[string]types.AttributeValue{
			"PK": &types.AttributeValueMemberS{Value: fmt.Sprint(tenant, "#V#", directory.Spread(id, 16))},
			"SK": &types.AttributeValueMemberS{Value: id}, "r": &types.AttributeValueMemberS{Value: record},
			"due": &types.AttributeValueMemberS{Value: "V#6"}, "dueAt": &types.AttributeValueMemberS{Value: "1795861203000"},
			"rev": &types.AttributeValueMemberN{Value: "1"}, "v": &types.AttributeValueMemberN{Value: "1"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		return 1
	}
	return 0
}

// then is when the items are read: before anything in them expires.
func then() time.Time { return time.Date(2026, 11, 30, 0, 0, 0, 0, time.UTC) }

// keepItems writes the items that this program makes of storetest.Example.
func keepItems(t *testing.T, release string) {
	t.Helper()
	table := newTable(t)
	storetest.Example(t, open(t, table).Ports())
	db, _ := dynamolocal.Clients(t)
	var items []map[string]plain
	for p := dynamodb.NewScanPaginator(db, &dynamodb.ScanInput{TableName: aws.String(table)}); p.HasMorePages(); {
		page, err := p.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, it := range page.Items {
			out := map[string]plain{}
			for name, v := range it {
				out[name] = plainOf(v)
			}
			items = append(items, out)
		}
	}
	text, err := json.Marshal(items)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(releases, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(releases, release+".json.gz"), packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func readItems(t *testing.T, file string) []map[string]types.AttributeValue {
	t.Helper()
	packed, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	z, err := gzip.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	var items []map[string]plain
	if err := json.NewDecoder(z).Decode(&items); err != nil {
		t.Fatal(err)
	}
	out := make([]map[string]types.AttributeValue, len(items))
	for i, it := range items {
		out[i] = map[string]types.AttributeValue{}
		for name, v := range it {
			out[i][name] = v.value()
		}
	}
	return out
}

// plain is an attribute value in DynamoDB's JSON: its type and its value.
type plain map[string]json.RawMessage

// kinds are the types that items have, by their name in JSON.
var kinds = map[string]func() types.AttributeValue{
	"S":    func() types.AttributeValue { return &types.AttributeValueMemberS{} },
	"N":    func() types.AttributeValue { return &types.AttributeValueMemberN{} },
	"B":    func() types.AttributeValue { return &types.AttributeValueMemberB{} },
	"BOOL": func() types.AttributeValue { return &types.AttributeValueMemberBOOL{} },
	"SS":   func() types.AttributeValue { return &types.AttributeValueMemberSS{} },
}

func plainOf(v types.AttributeValue) plain {
	kind := strings.TrimPrefix(fmt.Sprintf("%T", v), "*types.AttributeValueMember")
	if kinds[kind] == nil {
		panic("no kind " + kind)
	}
	text, err := json.Marshal(v)
	var value struct{ Value json.RawMessage }
	if err == nil {
		err = json.Unmarshal(text, &value)
	}
	if err != nil {
		panic(err)
	}
	return plain{kind: value.Value}
}

func (p plain) value() types.AttributeValue {
	kind := slices.Collect(maps.Keys(p))[0]
	v := kinds[kind]()
	text, err := json.Marshal(map[string]json.RawMessage{"Value": p[kind]})
	if err == nil {
		err = json.Unmarshal(text, v)
	}
	if err != nil {
		panic(err)
	}
	return v
}
