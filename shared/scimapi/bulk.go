package scimapi

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// bulk answers POST /Bulk (RFC 7644 §3.7): each operation is atomic by itself and runs through the same handlers as a
// separate request.
func (r *request) bulk() {
	if len(r.segments) != 1 {
		r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
		return
	}
	if !r.allow(http.MethodPost) {
		return
	}
	r.logResource("bulk", "")
	var req scim.BulkRequest
	body, err := r.body()
	if err == nil {
		req, err = scim.ParseBulk(body, scim.MaxBulkOperations)
	}
	if authErr := r.api.svc.Authorize(r.context(), r.caller, r.admit(func() error { return err })); authErr != nil {
		r.fail(authErr)
		return
	}
	run := &bulkRun{r: r, ops: req.Operations, results: make([]*scim.BulkResult, len(req.Operations)), ids: map[string]string{},
		failed: map[string]bool{}}
	run.do(req.FailOnErrors)
	results := make([]scim.BulkResult, 0, len(run.results))
	for _, res := range run.results {
		if res != nil {
			results = append(results, *res)
		}
	}
	r.respond(http.StatusOK, scim.AppendBulkResponse(nil, results))
}

// bulkRun is the work of one Bulk request.
type bulkRun struct {
	r       *request
	ops     []scim.BulkOperation
	results []*scim.BulkResult
	ids     map[string]string // bulkId → id of the created resource
	failed  map[string]bool   // bulkIds whose creation failed
	links   []link
}

// link is one side of a circular reference, to be set when both resources exist.
type link struct {
	op    int // index of the operation with the reference
	path  string
	patch scim.Value
}

// do runs the operations in order, but those that refer to a bulkId after the one that creates it. When only circular
// references are left, one of the resources is created without its references, which are set at the end.
func (b *bulkRun) do(failOnErrors int) {
	left := make([]int, len(b.ops))
	for i := range left {
		left[i] = i
	}
	faults := 0
	stop := func() bool { return failOnErrors > 0 && faults >= failOnErrors }
	run := func(i int, data scim.Value) {
		b.results[i] = b.perform(i, data)
		if b.results[i].Status >= http.StatusBadRequest {
			faults++
		}
	}
	for len(left) > 0 && !stop() {
		var waiting []int
		for _, i := range left {
			if stop() {
				return
			}
			if b.waits(i) {
				waiting = append(waiting, i)
				continue
			}
			run(i, b.ops[i].Data)
		}
		if len(waiting) == len(left) {
			first := waiting[0]
			run(first, b.unlink(first))
			waiting = waiting[1:]
		}
		left = waiting
	}
	for _, l := range b.links {
		if stop() {
			return
		}
		if res := b.results[l.op]; res.Status < http.StatusBadRequest {
			if err := b.link(l); err != nil {
				*res = b.fault(b.ops[l.op], err)
				faults++
			}
		}
	}
}

// references returns the bulkIds that an operation refers to.
func (b *bulkRun) references(i int) []string {
	refs := scim.BulkReferences(b.ops[i].Data)
	for s := range strings.SplitSeq(b.ops[i].Path, "/") {
		if id, ok := strings.CutPrefix(s, "bulkId:"); ok {
			refs = append(refs, id)
		}
	}
	return refs
}

// waits reports whether an operation needs a resource that a later operation creates.
func (b *bulkRun) waits(i int) bool {
	for _, ref := range b.references(i) {
		if _, done := b.ids[ref]; done || b.failed[ref] {
			continue
		}
		for j, op := range b.ops {
			if j != i && op.BulkID == ref && op.Method == http.MethodPost && b.results[j] == nil {
				return true
			}
		}
	}
	return false
}

// unlink removes the unresolved members and manager from a creation and records them as links.
func (b *bulkRun) unlink(i int) scim.Value {
	data := b.ops[i].Data
	later := func(path string, v scim.Value) {
		b.links = append(b.links, link{op: i, path: path, patch: v})
	}
	var resolved, unresolved []scim.Value
	for _, m := range data.Get("members").Elements() {
		if b.unresolved(m) {
			unresolved = append(unresolved, m)
		} else {
			resolved = append(resolved, m)
		}
	}
	if len(unresolved) > 0 {
		later("members", scim.ArrayValue(unresolved...))
		data = data.With("members", scim.ArrayValue(resolved...))
	}
	if ext := data.Get(scim.EnterpriseURN); b.unresolved(ext.Get("manager")) {
		later(scim.EnterpriseURN+":manager", ext.Get("manager"))
		data = data.With(scim.EnterpriseURN, ext.With("manager", scim.Value{}))
	}
	return data
}

func (b *bulkRun) unresolved(v scim.Value) bool {
	for _, ref := range scim.BulkReferences(v) {
		if _, ok := b.ids[ref]; !ok {
			return true
		}
	}
	return false
}

func (b *bulkRun) link(l link) error {
	op := b.ops[l.op]
	value, err := b.resolve(l.patch)
	if err != nil {
		return err
	}
	patch := scim.ObjectValue(
		scim.Member{Name: "schemas", Value: scim.ArrayValue(scim.StringValue(scim.PatchOpURN))},
		scim.Member{Name: "Operations", Value: scim.ArrayValue(scim.ObjectValue(
			scim.Member{Name: "op", Value: scim.StringValue("add")},
			scim.Member{Name: "path", Value: scim.StringValue(l.path)},
			scim.Member{Name: "value", Value: value}))})
	rec := b.send(http.MethodPatch, strings.TrimSuffix(op.Path, "/")+"/"+b.ids[op.BulkID], "", patch)
	if rec.status >= http.StatusBadRequest {
		return scim.Errorf(http.StatusConflict, "", "the circular reference could not be set")
	}
	b.results[l.op].Version = rec.header.Get("ETag")
	return nil
}

// resolve replaces references by ids. A reference to a failed creation is a conflict; any other unknown one is invalid.
func (b *bulkRun) resolve(v scim.Value) (scim.Value, error) {
	for _, ref := range scim.BulkReferences(v) {
		if err := b.known(ref); err != nil {
			return v, err
		}
	}
	return scim.ReplaceBulkReferences(v, func(ref string) (string, bool) {
		id, ok := b.ids[ref]
		return id, ok
	})
}

func (b *bulkRun) known(ref string) error {
	switch _, ok := b.ids[ref]; {
	case ok:
		return nil
	case b.failed[ref]:
		return scim.Errorf(http.StatusConflict, "", "the operation that creates bulkId %q failed", ref)
	}
	return scim.Errorf(http.StatusBadRequest, scim.TypeInvalidValue, "no operation creates bulkId %q", ref)
}

// perform runs an operation and records the id it created.
func (b *bulkRun) perform(i int, data scim.Value) *scim.BulkResult {
	op := b.ops[i]
	res, err := b.try(op, data)
	if err != nil {
		res = b.fault(op, err)
	}
	if op.Method == http.MethodPost && op.BulkID != "" {
		if res.Status < http.StatusBadRequest {
			b.ids[op.BulkID] = res.Location[strings.LastIndexByte(res.Location, '/')+1:]
		} else {
			b.failed[op.BulkID] = true
		}
	}
	return &res
}

func (b *bulkRun) fault(op scim.BulkOperation, err error) scim.BulkResult {
	e := toSCIM(err)
	return scim.BulkResult{Method: op.Method, BulkID: op.BulkID, Status: e.Status, Response: e.Append(nil)}
}

func (b *bulkRun) try(op scim.BulkOperation, data scim.Value) (scim.BulkResult, error) {
	path, err := b.path(op)
	if err != nil {
		return scim.BulkResult{}, err
	}
	if data, err = b.resolve(data); err != nil {
		return scim.BulkResult{}, err
	}
	rec := b.send(op.Method, path, op.Version, data)
	res := scim.BulkResult{Method: op.Method, BulkID: op.BulkID, Status: rec.status, Location: rec.header.Get("Location"),
		Version: rec.header.Get("ETag")}
	if res.Location == "" && op.Method != http.MethodPost {
		res.Location = b.r.base + path
	}
	if rec.status >= http.StatusBadRequest {
		res.Response = rec.body.Bytes()
	}
	return res, nil
}

// path checks and resolves an operation's path: a resource type for POST, one resource otherwise.
func (b *bulkRun) path(op scim.BulkOperation) (string, error) {
	invalid := scim.Errorf(http.StatusBadRequest, scim.TypeInvalidValue,
		"path must be /Users or /Groups for POST, and name one resource otherwise")
	parts := strings.Split(strings.Trim(op.Path, "/"), "/")
	parts[0] = canonical(parts[0])
	if parts[0] != "Users" && parts[0] != "Groups" || (op.Method == http.MethodPost) != (len(parts) == 1) || len(parts) > 2 {
		return "", invalid
	}
	if len(parts) == 1 {
		return "/" + parts[0], nil
	}
	id := parts[1]
	if ref, ok := strings.CutPrefix(id, "bulkId:"); ok {
		if err := b.known(ref); err != nil {
			return "", err
		}
		id = b.ids[ref]
	}
	if id == ".search" || id == "" || id == "." || id == ".." {
		return "", invalid
	}
	return "/" + parts[0] + "/" + url.PathEscape(id), nil
}

// send runs one operation as a request through the handlers of its resource type.
func (b *bulkRun) send(method, path, version string, data scim.Value) *capture {
	rec := &capture{header: http.Header{}, status: http.StatusOK}
	req, err := http.NewRequestWithContext(b.r.context(), method, BasePath+string(b.r.caller.Provider)+path, nil)
	if err != nil {
		writeError(rec, b.r.r, errors.Join(directory.Errorf(directory.Invalid, "the operation's path is not valid"), err))
		return rec
	}
	req.Header.Set("Authorization", b.r.r.Header.Get("Authorization"))
	req.Header.Set("Client-Request-Id", b.r.r.Header.Get("Client-Request-Id"))
	if version != "" {
		req.Header.Set("If-Match", version)
	}
	r := b.r.api.request(rec, req)
	if !data.IsNull() {
		r.payload.data = data.Append(nil)
	}
	b.r.api.serve(r)
	return rec
}

// capture is a ResponseWriter that records the response.
type capture struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *capture) Header() http.Header         { return c.header }
func (c *capture) WriteHeader(status int)      { c.status = status }
func (c *capture) Write(b []byte) (int, error) { return c.body.Write(b) }
