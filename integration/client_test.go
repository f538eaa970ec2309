package integration_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"rollcall/integration/stack"
)

// client speaks SCIM to a stack.
type client struct {
	t     testing.TB
	do    stack.Door
	base  string
	token string
}

func newClient(t testing.TB, s *stack.Stack, do stack.Door) client {
	return client{t: t, do: do, base: s.BaseURL, token: s.Token}
}

// answer is a response with its body, parsed when it is JSON.
type answer struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// send sends a request; body is a string, bytes, nil, or a value for encoding/json.
func (c client) send(method, path string, body any, header ...string) answer {
	c.t.Helper()
	var reader io.Reader = http.NoBody
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	r, err := http.NewRequest(method, c.base+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := c.do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := answer{status: res.StatusCode, header: res.Header, text: string(data)}
	if len(data) > 0 {
		if err := json.Unmarshal(data, &a.json); err != nil {
			c.t.Fatalf("%s %s returned %d and no JSON: %v", method, path, a.status, err)
		}
	}
	return a
}

// id returns the id of the resource in the response.
func (a answer) id() string {
	id, _ := a.json["id"].(string)
	return id
}

// object is a JSON object.
type object = map[string]any

func user(name string, more ...object) object {
	u := object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:User"}, "userName": name}
	for _, m := range more {
		for k, v := range m {
			u[k] = v
		}
	}
	return u
}

func group(name string, members ...string) object {
	g := object{"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Group"}, "displayName": name}
	if len(members) > 0 {
		list := make([]object, len(members))
		for i, m := range members {
			list[i] = object{"value": m}
		}
		g["members"] = list
	}
	return g
}

func patch(ops ...object) object {
	return object{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:PatchOp"}, "Operations": ops}
}

func op(op, path string, value any) object {
	o := object{"op": op}
	if path != "" {
		o["path"] = path
	}
	if value != nil {
		o["value"] = value
	}
	return o
}

// wants fails unless the response has the status and, for errors, the scimType in a SCIM error.
func (a answer) wants(t testing.TB, what string, status int, scimType string) {
	t.Helper()
	if a.status != status {
		t.Fatalf("%s: status %d, want %d: %s", what, a.status, status, a.text)
	}
	if status < 400 {
		return
	}
	if got, _ := a.json["scimType"].(string); got != scimType {
		t.Errorf("%s: scimType %q, want %q: %s", what, got, scimType, a.text)
	}
	if ct := a.header.Get("Content-Type"); ct != "application/scim+json" {
		t.Errorf("%s: Content-Type %q", what, ct)
	}
	if detail, _ := a.json["detail"].(string); detail == "" {
		t.Errorf("%s: the error has no detail: %s", what, a.text)
	}
}
