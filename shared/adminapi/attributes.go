package adminapi

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// enterpriseURN is the extension that holds the department (RFC 7643 §4.3).
const enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// The order in which SCIM keeps the attributes of a user. This API writes attributes in the same order, so that a
// converted user is the same as one created by a directory.
var (
	userOrder = []string{
		"name", "displayName", "nickName", "profileUrl", "title", "userType", "preferredLanguage", "locale", "timezone",
		"emails", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates", enterpriseURN,
	}
	nameOrder       = []string{"formatted", "familyName", "givenName", "middleName", "honorificPrefix", "honorificSuffix"}
	enterpriseOrder = []string{"employeeNumber", "costCenter", "organization", "division", "department", "manager"}
)

// attributes is a JSON object that keeps its order: part of a user's SCIM attributes.
type attributes []attribute

type attribute struct {
	name  string
	value json.RawMessage
}

// readAttributes reads a JSON object that SCIM wrote; any other text yields no attributes.
func readAttributes(raw []byte) attributes {
	out := attributes{}
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		var v json.RawMessage
		if err != nil || d.Decode(&v) != nil {
			return nil
		}
		out = append(out, attribute{name.(string), v}) // the decoder accepts only strings as names
	}
	return out
}

func (as attributes) get(name string) json.RawMessage {
	for _, a := range as {
		if a.name == name {
			return a.value
		}
	}
	return nil
}

// text returns a string attribute, "" for any other.
func (as attributes) text(name string) string {
	var s string
	_ = json.Unmarshal(as.get(name), &s)
	return s
}

// with returns the attributes with one set at its place in the order, or removed when the value is nil.
func (as attributes) with(order []string, name string, value json.RawMessage) attributes {
	out := slices.Clone(as)
	at := slices.IndexFunc(out, func(a attribute) bool { return a.name == name })
	switch {
	case at >= 0 && value == nil:
		return slices.Delete(out, at, at+1)
	case at >= 0:
		out[at].value = value
		return out
	case value == nil:
		return out
	}
	rank := slices.Index(order, name)
	at = slices.IndexFunc(out, func(a attribute) bool {
		r := slices.Index(order, a.name)
		return r > rank || r < 0 && strings.HasPrefix(a.name, "urn:")
	})
	if at < 0 {
		at = len(out)
	}
	return slices.Insert(out, at, attribute{name, value})
}

// json returns the object's text, nil when it is empty.
func (as attributes) json() json.RawMessage {
	if len(as) == 0 {
		return nil
	}
	out := []byte{'{'}
	for i, a := range as {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(out, jsonText(a.name)...), ':')
		out = append(out, a.value...)
	}
	return append(out, '}')
}

var jsonEscapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`)

// jsonText returns the JSON of a text without control characters, as SCIM writes it: with the necessary escapes only.
func jsonText(s string) json.RawMessage { return json.RawMessage(`"` + jsonEscapes.Replace(s) + `"`) }
