package entra

import (
	"fmt"
	"strings"
)

// Schema URNs (RFC 7643 §10.3, RFC 7644 §8.2).
const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	listURN       = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	// extraGroupURN is the vendor URI that the legacy client lists in every group it creates; servers drop it.
	extraGroupURN = "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"

	managerPath = enterpriseURN + ":manager"
)

// mapping is one row of an attribute mapping: a source attribute and its SCIM path.
type mapping struct {
	path   string
	source func(Person) string
}

// userName returns the userName that Entra sends for a UPN: without the mark of guests.
func userName(p Person) string { return strings.Replace(p.UserPrincipalName, "#EXT#", "", 1) }

// userMappings is the default mapping of non-gallery SCIM applications, without active and manager, which have rules of
// their own.
var userMappings = []mapping{
	{"userName", userName},
	{"displayName", func(p Person) string { return p.DisplayName }},
	{"title", func(p Person) string { return p.JobTitle }},
	{`emails[type eq "work"].value`, func(p Person) string { return p.Mail }},
	{"preferredLanguage", func(p Person) string { return p.PreferredLanguage }},
	{"name.givenName", func(p Person) string { return p.GivenName }},
	{"name.familyName", func(p Person) string { return p.Surname }},
	{"name.formatted", func(p Person) string { return strings.TrimSpace(p.GivenName + " " + p.Surname) }},
	{`addresses[type eq "work"].formatted`, func(p Person) string { return p.Office }},
	{`addresses[type eq "work"].streetAddress`, func(p Person) string { return p.StreetAddress }},
	{`addresses[type eq "work"].locality`, func(p Person) string { return p.City }},
	{`addresses[type eq "work"].region`, func(p Person) string { return p.State }},
	{`addresses[type eq "work"].postalCode`, func(p Person) string { return p.PostalCode }},
	{`addresses[type eq "work"].country`, func(p Person) string { return p.Country }},
	{`phoneNumbers[type eq "work"].value`, func(p Person) string { return p.Telephone }},
	{`phoneNumbers[type eq "mobile"].value`, func(p Person) string { return p.Mobile }},
	{`phoneNumbers[type eq "fax"].value`, func(p Person) string { return p.Fax }},
	{"externalId", func(p Person) string { return p.MailNickname }},
	{enterpriseURN + ":employeeNumber", func(p Person) string { return p.EmployeeID }},
	{enterpriseURN + ":department", func(p Person) string { return p.Department }},
}

// typedPath splits a path such as `emails[type eq "work"].value`; ok is false for other paths.
func typedPath(path string) (attribute, kind, sub string, ok bool) {
	attribute, rest, ok := strings.Cut(path, `[type eq "`)
	if !ok {
		return "", "", "", false
	}
	kind, sub, ok = strings.Cut(rest, `"].`)
	return attribute, kind, sub, ok
}

// read returns the text at a mapping's path in a resource of the server. found is false when it is unassigned. A value
// that is not text is returned in Go's notation, so that it never equals a mapped value by accident.
func read(resource map[string]any, path string) (text string, found bool) {
	var v any
	if attribute, kind, sub, ok := typedPath(path); ok {
		elements, _ := resource[attribute].([]any)
		for _, e := range elements {
			if element, _ := e.(map[string]any); element["type"] == kind && element[sub] != nil {
				v = element[sub]
				break
			}
		}
	} else if name, ok := strings.CutPrefix(path, enterpriseURN+":"); ok {
		extension, _ := resource[enterpriseURN].(map[string]any)
		v = extension[name]
	} else if parent, sub, ok := strings.Cut(path, "."); ok {
		complexValue, _ := resource[parent].(map[string]any)
		v = complexValue[sub]
	} else {
		v = resource[path]
	}
	if v == nil {
		return "", false
	}
	text, ok := v.(string)
	if !ok {
		text = fmt.Sprintf("%T(%v)", v, v)
	}
	return text, true
}

// readManager returns the id in the manager attribute, which a server always returns as an object with value.
func readManager(resource map[string]any) string {
	extension, _ := resource[enterpriseURN].(map[string]any)
	if extension["manager"] == nil {
		return ""
	}
	manager, _ := extension["manager"].(map[string]any)
	id, ok := manager["value"].(string)
	if !ok {
		return fmt.Sprintf("%v", extension["manager"])
	}
	return id
}

// difference is one attribute whose value in the target differs from the source.
type difference struct {
	path, value string
	assigned    bool // the target has another value: Replace, otherwise Add
}

// differences compares a person with a resource. It skips empty source attributes: nulls are never sent.
func differences(p Person, resource map[string]any) []difference {
	var out []difference
	for _, m := range userMappings {
		want := m.source(p)
		if want == "" {
			continue
		}
		if got, found := read(resource, m.path); got != want {
			out = append(out, difference{m.path, want, found})
		}
	}
	return out
}

// createBody returns the body of a user's POST in the form that Entra sends: without manager, and with null for a mapped
// attribute that has no value.
func createBody(p Person) map[string]any {
	orNil := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	body := map[string]any{
		"schemas": []string{userURN, enterpriseURN}, "meta": map[string]any{"resourceType": "User"}, "roles": []any{},
		"externalId": p.MailNickname, "userName": userName(p), "active": p.Active(), "displayName": p.DisplayName,
		"title": orNil(p.JobTitle), "preferredLanguage": orNil(p.PreferredLanguage),
		"name": map[string]any{"formatted": strings.TrimSpace(p.GivenName + " " + p.Surname), "familyName": p.Surname, "givenName": p.GivenName},
		"addresses": []any{map[string]any{
			"type": "work", "primary": false, "formatted": orNil(p.Office), "streetAddress": orNil(p.StreetAddress), "locality": orNil(p.City),
			"region": orNil(p.State), "postalCode": orNil(p.PostalCode), "country": orNil(p.Country)}},
		enterpriseURN: map[string]any{"employeeNumber": orNil(p.EmployeeID), "department": orNil(p.Department), "manager": nil},
	}
	if p.Mail != "" {
		body["emails"] = []any{map[string]any{"primary": true, "type": "work", "value": p.Mail}}
	}
	var phones []any
	for _, phone := range [][2]string{{"work", p.Telephone}, {"mobile", p.Mobile}, {"fax", p.Fax}} {
		if phone[1] != "" {
			phones = append(phones, map[string]any{"type": phone[0], "value": phone[1]})
		}
	}
	if phones != nil {
		body["phoneNumbers"] = phones
	}
	return body
}
