package dynamo

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/store/dynamo/schema"
)

// item is a stored item with or without its key.
type item = map[string]types.AttributeValue

// schemaVersion is written to every record as "v". Code reads this version and the one before; a newer one
// is refused, since its meaning is unknown.
const schemaVersion = 1

func checkVersion(it item) error {
	if v := number(it, "v"); v > schemaVersion {
		return fmt.Errorf("item has schema version %d, this program knows %d: it is older than the data", v, schemaVersion)
	}
	return nil
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func bin(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }
func flag(b bool) types.AttributeValue  { return &types.AttributeValueMemberBOOL{Value: b} }
func num[N int | int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}
func set(s ...string) types.AttributeValue { return &types.AttributeValueMemberSS{Value: s} }

func text(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func bytesOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok && len(v.Value) > 0 {
		return v.Value
	}
	return nil
}

func number(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, err := strconv.ParseInt(v.Value, 10, 64)
		if err == nil {
			return n
		}
	}
	return 0
}

func boolean(it item, name string) bool {
	v, ok := it[name].(*types.AttributeValueMemberBOOL)
	return ok && v.Value
}

func textsOf(it item, name string) []string {
	if v, ok := it[name].(*types.AttributeValueMemberSS); ok {
		return v.Value
	}
	return nil
}

func keyOf(it item) schema.Key { return schema.Key{PK: text(it, "PK"), SK: text(it, "SK")} }

// putTime sets a time as Unix milliseconds unless it is zero.
func putTime(it item, name string, t time.Time) {
	if !t.IsZero() {
		it[name] = num(t.UnixMilli())
	}
}

func timeOf(it item, name string) time.Time {
	n := number(it, name)
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// putJSON sets the JSON of v.
func putJSON(it item, name string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode record: %w", err)
	}
	it[name] = str(string(b))
	return nil
}

// getJSON decodes an attribute into v; an absent one leaves v unchanged.
func getJSON(it item, name string, v any) error {
	s := text(it, name)
	if s == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(s), v); err != nil {
		return fmt.Errorf("decode record: %w", err)
	}
	return nil
}
