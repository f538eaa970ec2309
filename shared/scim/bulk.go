package scim

import (
	"slices"
	"strconv"
	"strings"
)

// BulkRequest is a request of several operations (RFC 7644 §3.7).
type BulkRequest struct {
	FailOnErrors int // stop after that many errors; 0 for no limit
	Operations   []BulkOperation
}

// BulkOperation is one operation of a BulkRequest. Method is in capitals. Data is null for DELETE.
type BulkOperation struct {
	Method, BulkID, Version, Path string
	Data                          Value
}

// ParseBulk checks the structure of a bulk request. 413, naming the limit, for more than maxOperations. 400
// invalidSyntax for all other errors: no BulkRequest, a method other than POST, PUT, PATCH and DELETE, no path, a POST
// without a bulkId, a bulkId twice, or no data where the method needs some.
func ParseBulk(body Value, maxOperations int) (BulkRequest, error) {
	var r BulkRequest
	if err := checkMessage(body, BulkRequestURN); err != nil {
		return r, err
	}
	if limit := body.Get("failOnErrors"); !limit.IsNull() {
		n, err := strconv.Atoi(limit.text)
		if limit.kind != Number || err != nil || n < 1 {
			return r, badSyntax("failOnErrors must be an integer of at least 1")
		}
		r.FailOnErrors = n
	}
	operations := body.Get("Operations")
	if operations.kind != Array || len(operations.elems) == 0 {
		return r, badSyntax("Operations must be an array of at least one operation")
	}
	if len(operations.elems) > maxOperations {
		return r, Errorf(413, "", "a bulk request may hold at most %d operations (maxOperations)", maxOperations)
	}
	seen := map[string]bool{}
	for i, o := range operations.elems {
		op, err := parseBulkOperation(o)
		if err == nil && op.BulkID != "" && seen[op.BulkID] {
			err = badSyntax("its bulkId was used before")
		}
		if err != nil {
			return BulkRequest{}, badSyntax("operation %d: %s", i+1, err.Detail)
		}
		seen[op.BulkID] = true
		r.Operations = append(r.Operations, op)
	}
	return r, nil
}

func parseBulkOperation(o Value) (BulkOperation, *Error) {
	var op BulkOperation
	for _, m := range []struct {
		name string
		text *string
	}{{"method", &op.Method}, {"bulkId", &op.BulkID}, {"version", &op.Version}, {"path", &op.Path}} {
		v := o.Get(m.name)
		if !v.IsNull() && v.kind != String {
			return op, badSyntax("%s must be a string", m.name)
		}
		*m.text = v.text
	}
	op.Method, op.Data = strings.ToUpper(op.Method), o.Get("data")
	switch {
	case !slices.Contains([]string{"POST", "PUT", "PATCH", "DELETE"}, op.Method):
		return op, badSyntax("method must be POST, PUT, PATCH or DELETE")
	case !strings.HasPrefix(op.Path, "/"):
		return op, badSyntax("path must start with a slash")
	case op.Method == "POST" && op.BulkID == "":
		return op, badSyntax("POST needs a bulkId")
	case op.Method != "DELETE" && op.Data.kind != Object:
		return op, badSyntax("%s needs data", op.Method)
	}
	return op, nil
}

// BulkResult is the outcome of one operation. Location is empty for a failed POST; Response is the error message (JSON)
// of a failure, and may be the resource of a success.
type BulkResult struct {
	Method, BulkID, Location, Version string
	Status                            int
	Response                          []byte
}

// AppendBulkResponse appends a BulkResponse (RFC 7644 §3.7.3) to dst, with an entry for each processed operation.
func AppendBulkResponse(dst []byte, rs []BulkResult) []byte {
	dst = append(dst, `{"schemas":["`+BulkResponseURN+`"],"Operations":[`...)
	for i, r := range rs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(append(dst, `{"method":`...), r.Method)
		for _, m := range []struct{ name, text string }{{"bulkId", r.BulkID}, {"location", r.Location}, {"version", r.Version}} {
			if m.text != "" {
				dst = appendString(append(append(append(dst, `,"`...), m.name...), `":`...), m.text)
			}
		}
		dst = append(strconv.AppendInt(append(dst, `,"status":"`...), int64(r.Status), 10), '"')
		if len(r.Response) > 0 {
			dst = append(append(dst, `,"response":`...), r.Response...)
		}
		dst = append(dst, '}')
	}
	return append(dst, `]}`...)
}

const bulkPrefix = "bulkId:"

// BulkReferences returns the bulkIds that strings of the form "bulkId:xyz" in v refer to, each once, in order.
func BulkReferences(v Value) []string {
	var ids []string
	seen := map[string]bool{}
	valueStrings(v, func(text string) bool {
		if id, ok := strings.CutPrefix(text, bulkPrefix); ok && !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
		return true
	})
	return ids
}

// ReplaceBulkReferences returns v with every "bulkId:xyz" string replaced by resolve("xyz"). An unknown bulkId is 400
// invalidValue.
func ReplaceBulkReferences(v Value, resolve func(bulkID string) (string, bool)) (Value, error) {
	switch v.kind {
	case String:
		id, ok := strings.CutPrefix(v.text, bulkPrefix)
		if !ok {
			return v, nil
		}
		resolved, ok := resolve(id)
		if !ok {
			return v, badValue("the bulkId %s is not resolved", shown(id))
		}
		return StringValue(resolved), nil
	case Array:
		out := slices.Clone(v.elems)
		for i := range out {
			var err error
			if out[i], err = ReplaceBulkReferences(out[i], resolve); err != nil {
				return v, err
			}
		}
		return ArrayValue(out...), nil
	case Object:
		out := slices.Clone(v.members)
		for i := range out {
			var err error
			if out[i].Value, err = ReplaceBulkReferences(out[i].Value, resolve); err != nil {
				return v, err
			}
		}
		return ObjectValue(out...), nil
	}
	return v, nil
}
