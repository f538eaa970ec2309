package scimapi

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// appendUser appends the user's JSON for the zero projection. The stored attributes are canonical JSON, so they are
// copied between the other parts: the result of userResource and a projection, in a fraction of the time
// (TestSpliceIsTheTree compares the two). It returns false when there is data of an extension that the provider no
// longer has.
func (r *request) appendUser(dst []byte, v directory.UserView) ([]byte, bool) {
	attributes := string(v.Attributes)
	found := extensionsIn(attributes)
	if v.Profile.Manager != "" {
		manager := string(r.appendManager(nil, v.Profile.Manager))
		if at := found.inside(scim.EnterpriseURN); at > 0 {
			attributes = attributes[:at] + manager + "," + attributes[at:]
		} else {
			attributes = appendMember(attributes, `"`+scim.EnterpriseURN+`":{`+manager+`}`)
			found = append(found, extension{urn: scim.EnterpriseURN})
		}
	}
	dst = append(dst, `{"schemas":["`+scim.UserURN+`"`...)
	shown := 0
	for _, urn := range r.types.userExtensions {
		if found.inside(urn) >= 0 {
			dst = append(append(append(dst, `,"`...), urn...), '"')
			shown++
		}
	}
	if shown < len(found) {
		return nil, false
	}
	dst = append(append(append(dst, `],"id":"`...), v.ScimID...), '"')
	if v.ExternalID != "" {
		dst = scim.StringValue(v.ExternalID).Append(append(dst, `,"externalId":`...))
	}
	dst = scim.StringValue(v.UserName).Append(append(dst, `,"userName":`...))
	dst = strconv.AppendBool(append(dst, `,"active":`...), v.Active)
	if len(attributes) > len("{}") {
		dst = append(append(dst, ','), attributes[1:len(attributes)-1]...)
	}
	if len(v.Groups) > 0 {
		dst = append(dst, `,"groups":[`...)
		for _, g := range v.Groups {
			dst = append(append(append(dst, `{"value":"`...), g...), `","$ref":"`...)
			dst = append(append(append(append(dst, r.base...), "/Groups/"...), g...), `","type":"direct"},`...)
		}
		dst[len(dst)-1] = ']' // instead of the last comma
	}
	return r.appendMeta(dst, "User", "/Users/", string(v.ScimID), v.Version, v.Created, v.Modified), true
}

func (r *request) appendManager(dst []byte, id string) []byte {
	dst = append(dst, `"manager":{"value":`...)
	dst = scim.StringValue(id).Append(dst)
	if directory.ScimID(id).IsUser() {
		dst = append(append(append(append(dst, `,"$ref":"`...), r.base...), "/Users/"...), id...)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// appendMeta appends the member meta and the end of the resource.
func (r *request) appendMeta(dst []byte, kind, endpoint, id string, version int64, created, modified time.Time) []byte {
	const layout = "2006-01-02T15:04:05.000Z"
	dst = append(append(append(dst, `,"meta":{"resourceType":"`...), kind...), `","created":"`...)
	dst = append(created.UTC().AppendFormat(dst, layout), `","lastModified":"`...)
	dst = append(modified.UTC().AppendFormat(dst, layout), `","location":"`...)
	dst = append(append(append(append(dst, r.base...), endpoint...), id...), `","version":"W/\"`...)
	return append(strconv.AppendInt(dst, version, 10), `\""}}`...)
}

// appendMember adds a member to the text of an object.
func appendMember(object, member string) string {
	if len(object) <= 2 {
		return "{" + member + "}"
	}
	return object[:len(object)-1] + "," + member + "}"
}

// extension locates an extension's data in the text of an object: at is the offset behind its opening brace.
type extension struct {
	urn string
	at  int
}

type extensions []extension

// inside returns the offset behind the opening brace of the extension's data, -1 when there is none.
func (es extensions) inside(urn string) int {
	for _, e := range es {
		if e.urn == urn {
			return e.at
		}
	}
	return -1
}

// extensionsIn finds the members of a canonical object whose names are URNs. It reads JSON that this
// service wrote: no blanks, and no escapes in names.
func extensionsIn(object string) extensions {
	if !strings.Contains(object, `"urn:`) {
		return nil
	}
	var found extensions
	for name, at := range members(object) {
		if strings.HasPrefix(name, "urn:") && strings.HasPrefix(object[at:], "{") {
			found = append(found, extension{urn: name, at: at + 1})
		}
	}
	return found
}

// members yields the names of the members of a canonical object, each with the offset of its value.
func members(object string) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		depth := 0
		for i := 0; i < len(object); i++ {
			switch object[i] {
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			case '"':
				end := i + 1
				for end < len(object) && object[end] != '"' {
					if object[end] == '\\' {
						end++
					}
					end++
				}
				if depth == 1 && end+1 < len(object) && object[end+1] == ':' && !yield(object[i+1:end], end+len(`":`)) {
					return
				}
				i = end
			}
		}
	}
}

// without returns the canonical object without the members of these names.
func without(object []byte, names []string) []byte {
	there := func(name string) bool { return bytes.Contains(object, []byte(`"`+name+`":`)) }
	if !slices.ContainsFunc(names, there) {
		return object
	}
	out, from := []byte{'{'}, 1 // from is the start of the member that is kept, 0 for none
	text := string(object[:len(object)-1])
	keep := func(end int) {
		if from > 0 && end > from {
			out = append(append(out, text[from:end]...), ',')
		}
	}
	for name, at := range members(text) {
		start := at - len(name) - len(`"":`)
		keep(start - 1)
		if from = start; slices.Contains(names, name) {
			from = 0
		}
	}
	keep(len(text))
	if len(out) > 1 {
		out = out[:len(out)-1] // the last comma
	}
	return append(out, '}')
}
