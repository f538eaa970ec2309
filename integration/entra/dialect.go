package entra

import (
	"fmt"
	"strings"
)

// Dialect is one of the two PATCH forms of Entra; a flag in the Tenant URL selects it.
type Dialect string

const (
	// Legacy is the default: capitalised operations with a path each, booleans as text, members removed by value.
	Legacy Dialect = "legacy"
	// Compliant is sent with ?aadOptscim062020: RFC 7644 operations, typed paths, everything else in one path-less replace.
	Compliant Dialect = "compliant"
	// Okta is not Entra's: operations without a path, PUT for changes of a profile, the id repeated in a group's PATCH.
	Okta Dialect = "okta"
)

// operation is one PATCH operation; an empty path and a nil value are omitted.
type operation struct {
	Op    string `json:"op"`
	Path  string `json:"path,omitempty"`
	Value any    `json:"value,omitempty"`
}

type patchBody struct {
	Schemas    []string    `json:"schemas"`
	Operations []operation `json:"Operations"`
}

func patch(operations ...operation) patchBody { return patchBody{[]string{patchURN}, operations} }

func (d Dialect) set(assigned bool) string {
	op := "Add"
	if assigned {
		op = "Replace"
	}
	if d == Legacy {
		return op
	}
	return strings.ToLower(op)
}

// attributes renders differences of single-valued attributes.
func (d Dialect) attributes(changes []difference) []operation {
	var out []operation
	if d == Legacy {
		for _, c := range changes {
			out = append(out, operation{d.set(c.assigned), c.path, c.value})
		}
		return out
	}
	batch := map[string]any{}
	for _, c := range changes {
		if _, _, _, typed := typedPath(c.path); typed {
			out = append(out, operation{d.set(c.assigned), c.path, c.value})
		} else {
			batch[c.path] = c.value
		}
	}
	if len(batch) > 0 {
		out = append(out, operation{Op: "replace", Value: batch})
	}
	return out
}

// groupAttributes renders differences of a group. Okta repeats the group's id.
func (d Dialect) groupAttributes(id string, changes []difference) []operation {
	operations := d.attributes(changes)
	if d == Okta {
		for _, op := range operations {
			if value, ok := op.Value.(map[string]any); ok {
				value["id"] = id
			}
		}
	}
	return operations
}

// active renders the operation that disables or restores a user.
func (d Dialect) active(active bool) operation {
	switch d {
	case Compliant:
		return operation{"replace", "active", active}
	case Okta:
		return operation{Op: "replace", Value: map[string]any{"active": active}}
	}
	text := "False"
	if active {
		text = "True"
	}
	return operation{"Replace", "active", text}
}

// manager renders a reference to a user by SCIM id; an empty id clears it.
func (d Dialect) manager(id string, assigned bool) operation {
	switch {
	case d == Okta:
		return operation{Op: "replace", Value: map[string]any{enterpriseURN: map[string]any{"manager": map[string]any{"value": id}}}}
	case d == Compliant && id == "":
		return operation{Op: "remove", Path: managerPath}
	case d == Compliant:
		return operation{d.set(assigned), managerPath, map[string]string{"value": id}}
	case id == "":
		return operation{"Replace", managerPath, ""}
	default:
		return operation{d.set(assigned), managerPath, id}
	}
}

// member is an element of members as the legacy client sends it.
type member struct {
	Ref   *string `json:"$ref"`
	Value string  `json:"value"`
}

func (d Dialect) addMembers(ids []string) []operation {
	if d != Legacy {
		return []operation{{"add", "members", plainMembers(ids)}}
	}
	return []operation{{"Add", "members", legacyMembers(ids)}}
}

func (d Dialect) removeMembers(ids []string) []operation {
	if d == Legacy {
		return []operation{{"Remove", "members", legacyMembers(ids)}}
	}
	out := make([]operation, len(ids))
	for i, id := range ids {
		out[i] = operation{Op: "remove", Path: fmt.Sprintf("members[value eq %q]", id)}
	}
	return out
}

func legacyMembers(ids []string) []member {
	out := make([]member, len(ids))
	for i, id := range ids {
		out[i].Value = id
	}
	return out
}

func plainMembers(ids []string) []map[string]string {
	out := make([]map[string]string, len(ids))
	for i, id := range ids {
		out[i] = map[string]string{"value": id}
	}
	return out
}

// createGroup returns the body of a group's POST, which never has members.
func (d Dialect) createGroup(g Group) map[string]any {
	schemas := []string{groupURN}
	if d == Legacy {
		schemas = append(schemas, extraGroupURN)
	}
	return map[string]any{"schemas": schemas, "externalId": g.ObjectID, "displayName": g.DisplayName,
		"meta": map[string]any{"resourceType": "Group"}}
}
