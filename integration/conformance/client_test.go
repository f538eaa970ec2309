package conformance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"rollcall/integration/stack"
)

// Schema URNs (RFC 7643 §10.3, RFC 7644 §8.2).
const (
	coreURN   = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN  = "urn:ietf:params:scim:schemas:core:2.0:Group"
	entURN    = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	customURN = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
	patchURN  = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	// vendorURN is what the legacy client lists in every group it creates.
	vendorURN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"
)

// client speaks SCIM to a stack and has short names for the resources of its case: ${boss} in a path or a body stands
// for an id.
type client struct {
	testing.TB
	stack *stack.Stack
	do    stack.Door
	base  string
	token string
	names map[string]string
}

func newClient(t testing.TB, s *stack.Stack, do stack.Door) client {
	return client{TB: t, stack: s, do: do, base: s.BaseURL, token: s.Token, names: map[string]string{
		"core": coreURN, "group": groupURN, "ent": entURN, "custom": customURN, "patch": patchURN, "vendor": vendorURN, "base": s.BaseURL,
	}}
}

// in returns the client for a subtest, with names of its own.
func (c client) in(t testing.TB) client {
	names := make(map[string]string, len(c.names))
	for k, v := range c.names {
		names[k] = v
	}
	c.TB, c.names = t, names
	return c
}

// expand replaces each ${name} by its value.
func (c client) expand(text string) string {
	c.Helper()
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		value, known := c.names[name]
		if !known {
			c.Fatalf("unknown name %s", name)
		}
		out.WriteString(value)
		text = after
	}
}

// answer is a response with its parsed body.
type answer struct {
	status int
	header http.Header
	text   string
	json   object
}

// object is a JSON object.
type object = map[string]any

// send sends a request; path and body may contain names. header alternates between names and values.
func (c client) send(method, path, body string, header ...string) answer {
	c.Helper()
	var reader io.Reader = http.NoBody
	if body != "" {
		reader = strings.NewReader(c.expand(body))
	}
	r, err := http.NewRequest(method, c.base+c.expand(path), reader)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Accept", "application/scim+json")
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/scim+json; charset=utf-8")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		c.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(data)}
	if len(data) == 0 {
		return a
	}
	if err := json.Unmarshal(data, &a.json); err != nil {
		c.Fatalf("%s %s returned %d and no JSON: %v", method, path, a.status, err)
	}
	if ct := a.header.Get("Content-Type"); ct != "application/scim+json" {
		c.Errorf("%s %s: Content-Type %q", method, path, ct)
	}
	return a
}

// want fails unless the response has the status and, for errors, is a SCIM error with the scimType.
func (a answer) want(c client, status int, scimType string) answer {
	c.Helper()
	if a.status != status {
		c.Fatalf("status %d, want %d: %s", a.status, status, a.text)
	}
	if status < 400 {
		return a
	}
	if got, _ := a.json["scimType"].(string); got != scimType {
		c.Errorf("scimType %q, want %q: %s", got, scimType, a.text)
	}
	if code, _ := a.json["status"].(string); code == "" || a.json["detail"] == "" || a.json["detail"] == nil {
		c.Errorf("an error without status or detail: %s", a.text)
	}
	return a
}

// id returns the id of the resource in the response.
func (a answer) id() string {
	id, _ := a.json["id"].(string)
	return id
}

// version returns the resource's version and time of change.
func (a answer) version() [2]any {
	meta, _ := a.json["meta"].(object)
	return [2]any{meta["version"], meta["lastModified"]}
}

// create posts a resource, gives it a name and returns it.
func (c client) create(name, endpoint, body string) answer {
	c.Helper()
	a := c.send("POST", endpoint, body).want(c, 201, "")
	c.names[name] = a.id()
	return a
}

// get reads a resource that must exist.
func (c client) get(path string) answer {
	c.Helper()
	return c.send("GET", path, "").want(c, 200, "")
}

// listed returns the userName or displayName of each resource in a list.
func (a answer) listed() []string {
	names := []string{}
	resources, _ := a.json["Resources"].([]any)
	for _, r := range resources {
		o, _ := r.(object)
		name, _ := o["userName"].(string)
		if name == "" {
			name, _ = o["displayName"].(string)
		}
		names = append(names, name)
	}
	return names
}

// parse reads the JSON of a case, with its names expanded.
func (c client) parse(text string) object {
	c.Helper()
	var o object
	if err := json.Unmarshal([]byte(c.expand(text)), &o); err != nil {
		c.Fatalf("the case is not JSON: %v: %s", err, text)
	}
	return o
}

// op returns one operation of a PATCH; value is JSON. An empty path or value is omitted.
func op(verb, path, value string) string {
	out := `{"op":` + quote(verb)
	if path != "" {
		out += `,"path":` + quote(path)
	}
	if value != "" {
		out += `,"value":` + value
	}
	return out + "}"
}

// ops returns the body of a PATCH.
func ops(operations ...string) string {
	return `{"schemas":["` + patchURN + `"],"Operations":[` + strings.Join(operations, ",") + `]}`
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(b)
}
