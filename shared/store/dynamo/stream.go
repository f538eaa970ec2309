package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
)

// StreamEntry returns the log entry that the new image of a stream record holds, and false for any other
// item: functions/changes is handed records by Lambda and needs no Store to read them. With an error comes
// what the key tells of an entry that cannot be read: its provider, time and id.
func StreamEntry(image map[string]types.AttributeValue) (directory.TenantID, directory.LogEntry, bool, error) {
	pk, ok := image["PK"].(*types.AttributeValueMemberS)
	if !ok {
		return "", directory.LogEntry{}, false, nil
	}
	t, ok := tenantOfLog(pk.Value)
	if !ok {
		return "", directory.LogEntry{}, false, nil
	}
	e, err := decodeEntry(image)
	if err != nil {
		return t, entryOfKey(keyOf(image)), false, err
	}
	return t, e, true, nil
}

// EntryFilter is the pattern, in the language of event source filters, of the stream records that are new
// log entries: what StreamEntry says true to. Lambda hands functions/changes no others.
func EntryFilter() any {
	return map[string]any{
		"eventName": []string{"INSERT"},
		"dynamodb":  map[string]any{"NewImage": map[string]any{"e": map[string]any{"S": []any{map[string]any{"exists": true}}}}},
	}
}
