package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/directory"
)

// StreamEntry returns the log entry in the new image of a stream record, and false for any other item, for
// functions/changes, which gets records from Lambda and has no Store. With an error it returns the fields in the key of
// the entry that cannot be read: its provider, time and id.
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

// EntryFilter returns the event source filter for the stream records that are new log entries, those for which
// StreamEntry returns true. Lambda passes functions/changes no others.
func EntryFilter() any {
	return map[string]any{
		"eventName": []string{"INSERT"},
		"dynamodb":  map[string]any{"NewImage": map[string]any{"e": map[string]any{"S": []any{map[string]any{"exists": true}}}}},
	}
}
