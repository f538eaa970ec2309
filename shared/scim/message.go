package scim

import "strconv"

// ListInfo describes the page of a ListResponse.
type ListInfo struct {
	Total      int    // totalResults; negative leaves it out (RFC 9865 §2.2)
	StartIndex int    // index of the first resource, from 1; 0 leaves it out
	NextCursor string // for the next page; "" on the last one
}

// AppendList appends a ListResponse (RFC 7644 §3.4.2) to dst. Resources are JSON texts from Projection.Append;
// itemsPerPage is their number, and Resources is an array even when there are none.
func AppendList(dst []byte, info ListInfo, resources [][]byte) []byte {
	dst = append(dst, `{"schemas":["`+ListResponseURN+`"]`...)
	if info.Total >= 0 {
		dst = strconv.AppendInt(append(dst, `,"totalResults":`...), int64(info.Total), 10)
	}
	if info.StartIndex > 0 {
		dst = strconv.AppendInt(append(dst, `,"startIndex":`...), int64(info.StartIndex), 10)
	}
	dst = strconv.AppendInt(append(dst, `,"itemsPerPage":`...), int64(len(resources)), 10)
	if info.NextCursor != "" {
		dst = appendString(append(dst, `,"nextCursor":`...), info.NextCursor)
	}
	dst = append(dst, `,"Resources":[`...)
	for i, r := range resources {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, r...)
	}
	return append(dst, `]}`...)
}

// The limits announced in the ServiceProviderConfig.
const (
	MaxBulkOperations    = 100
	MaxPayloadBytes      = 1048576
	MaxResults           = 200  // resources on one page
	DefaultResults       = 100  // resources on a page when count is not given
	CursorTimeoutSeconds = 3600 // lifetime of a cursor
)

// ServiceProviderConfig returns the configuration that /ServiceProviderConfig publishes (RFC 7643 §5, RFC 9865 §3).
func ServiceProviderConfig(location string) Value {
	yes := Member{"supported", BoolValue(true)}
	return ObjectValue(
		Member{"schemas", ArrayValue(StringValue(ServiceProviderConfigURN))},
		Member{"patch", ObjectValue(yes)},
		Member{"bulk", ObjectValue(yes, Member{"maxOperations", IntValue(MaxBulkOperations)},
			Member{"maxPayloadSize", IntValue(MaxPayloadBytes)})},
		Member{"filter", ObjectValue(yes, Member{"maxResults", IntValue(MaxResults)})},
		Member{"changePassword", ObjectValue(Member{"supported", BoolValue(false)})},
		Member{"sort", ObjectValue(yes)},
		Member{"etag", ObjectValue(yes)},
		Member{"pagination", ObjectValue(
			Member{"cursor", BoolValue(true)},
			Member{"index", BoolValue(true)},
			Member{"defaultPaginationMethod", StringValue("index")},
			Member{"defaultPageSize", IntValue(DefaultResults)},
			Member{"maxPageSize", IntValue(MaxResults)},
			Member{"cursorTimeout", IntValue(CursorTimeoutSeconds)},
		)},
		Member{"authenticationSchemes", ArrayValue(ObjectValue(
			Member{"type", StringValue("oauthbearertoken")},
			Member{"name", StringValue("OAuth Bearer Token")},
			Member{"description", StringValue("A bearer token in the Authorization header (RFC 6750).")},
			Member{"primary", BoolValue(true)},
		))},
		Member{"meta", ObjectValue(Member{"resourceType", StringValue("ServiceProviderConfig")},
			Member{"location", StringValue(location)})},
	)
}
