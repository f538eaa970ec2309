package scimapi

import (
	"net/url"
	"slices"

	"rollcall/shared/casefold"
	"rollcall/shared/directory"
	"rollcall/shared/scim"
)

// userTree returns a user's client-writable attributes as one tree.
func userTree(p directory.Profile) (scim.Value, error) {
	rest, err := scim.Parse(orEmpty(p.Attributes))
	if err != nil {
		return scim.Value{}, err
	}
	members := make([]scim.Member, 0, len(rest.Members())+4)
	if p.ExternalID != "" {
		members = append(members, scim.Member{Name: directory.AttrExternalID, Value: scim.StringValue(p.ExternalID)})
	}
	members = append(members, scim.Member{Name: directory.AttrUserName, Value: scim.StringValue(p.UserName)})
	members = append(members, scim.Member{Name: "active", Value: scim.BoolValue(p.Active)})
	tree := scim.ObjectValue(append(members, rest.Members()...)...)
	if p.Manager != "" {
		manager := scim.ObjectValue(scim.Member{Name: "value", Value: scim.StringValue(p.Manager)})
		tree = withManager(tree, manager)
	}
	return tree, nil
}

func withManager(tree, manager scim.Value) scim.Value {
	ext := tree.Get(scim.EnterpriseURN)
	if ext.IsNull() {
		ext = scim.ObjectValue()
	}
	return tree.With(scim.EnterpriseURN, ext.With("manager", manager))
}

func orEmpty(b []byte) []byte {
	if len(b) == 0 {
		return []byte("{}")
	}
	return b
}

// userProfile splits a tree into the parts of a profile, the inverse of userTree.
func userProfile(tree scim.Value) directory.Profile {
	p := directory.Profile{
		UserName: tree.Get(directory.AttrUserName).Text(), ExternalID: tree.Get(directory.AttrExternalID).Text(),
		Active: tree.Get("active").Bool(),
	}
	ext := tree.Get(scim.EnterpriseURN)
	if m := ext.Get("manager"); !m.IsNull() {
		p.Manager = m.Get("value").Text()
		if ext = ext.With("manager", scim.Value{}); len(ext.Members()) == 0 {
			ext = scim.Value{}
		}
		tree = tree.With(scim.EnterpriseURN, ext)
	}
	rest := slices.DeleteFunc(slices.Clone(tree.Members()), func(m scim.Member) bool {
		return m.Name == directory.AttrUserName || m.Name == directory.AttrExternalID || m.Name == "active"
	})
	if len(rest) > 0 {
		p.Attributes = scim.ObjectValue(rest...).Append(nil)
	}
	for _, e := range tree.Get("emails").Elements() {
		value := e.Get("value").Text()
		if value == "" || !casefold.Equal(e.Get("type").Text(), "work") {
			continue
		}
		l := directory.Lookup{Attr: directory.AttrWorkEmail, Value: casefold.Fold(value)}
		if !slices.Contains(p.Lookups, l) {
			p.Lookups = append(p.Lookups, l)
		}
	}
	return p
}

// userResource returns the complete resource.
func (r *request) userResource(v directory.UserView) (scim.Value, error) {
	tree, err := userTree(v.Profile)
	if err != nil {
		return scim.Value{}, err
	}
	return r.completeUser(tree, v)
}

// completeUser adds the computed attributes to a user's tree.
func (r *request) completeUser(tree scim.Value, v directory.UserView) (scim.Value, error) {
	if m := v.Profile.Manager; m != "" {
		manager := scim.ObjectValue(scim.Member{Name: "value", Value: scim.StringValue(m)})
		if directory.ScimID(m).IsUser() {
			manager = manager.With("$ref", scim.StringValue(r.base+"/Users/"+m))
		}
		if v.Manager != nil {
			rest, err := scim.Parse(orEmpty(v.Manager.Attributes))
			if err != nil {
				return scim.Value{}, err
			}
			manager = manager.With("displayName", rest.Get("displayName"))
		}
		tree = withManager(tree, manager)
	}
	if len(v.Groups) > 0 {
		groups := make([]scim.Value, len(v.Groups))
		for i, g := range v.Groups {
			groups[i] = scim.ObjectValue(
				scim.Member{Name: "value", Value: scim.StringValue(string(g))},
				scim.Member{Name: "$ref", Value: scim.StringValue(r.base + "/Groups/" + string(g))},
				scim.Member{Name: "type", Value: scim.StringValue("direct")})
		}
		tree = tree.With("groups", scim.ArrayValue(groups...))
	}
	return r.types.user.Complete(string(v.ScimID), tree, scim.Meta{
		Created: v.Created, LastModified: v.Modified, Location: r.location("/Users/", string(v.ScimID)), Version: etag(v.Version),
	}), nil
}

func (r *request) location(endpoint, id string) string { return r.base + endpoint + url.PathEscape(id) }

// groupTree returns a group's client-writable attributes without its members.
func groupTree(g directory.GroupProfile) (scim.Value, error) {
	rest, err := scim.Parse(orEmpty(g.Attributes))
	if err != nil {
		return scim.Value{}, err
	}
	var members []scim.Member
	if g.ExternalID != "" {
		members = append(members, scim.Member{Name: directory.AttrExternalID, Value: scim.StringValue(g.ExternalID)})
	}
	members = append(members, scim.Member{Name: directory.AttrDisplayName, Value: scim.StringValue(g.DisplayName)})
	return scim.ObjectValue(append(members, rest.Members()...)...), nil
}

func groupProfile(tree scim.Value) directory.GroupProfile {
	g := directory.GroupProfile{DisplayName: tree.Get(directory.AttrDisplayName).Text(), ExternalID: tree.Get(directory.AttrExternalID).Text()}
	rest := slices.DeleteFunc(slices.Clone(tree.Members()), func(m scim.Member) bool {
		return m.Name == directory.AttrDisplayName || m.Name == directory.AttrExternalID
	})
	if len(rest) > 0 {
		g.Attributes = scim.ObjectValue(rest...).Append(nil)
	}
	return g
}

// groupResource returns the complete resource, with the members in the view.
func (r *request) groupResource(v directory.GroupView) (scim.Value, error) {
	tree, err := groupTree(v.GroupProfile)
	if err != nil {
		return scim.Value{}, err
	}
	if len(v.Members) > 0 {
		members := make([]scim.Value, len(v.Members))
		for i, m := range v.Members {
			members[i] = r.memberElement(m)
		}
		tree = tree.With("members", scim.ArrayValue(members...))
	}
	return r.completeGroup(tree, v.Group), nil
}

// completeGroup adds the computed attributes to a group's tree.
func (r *request) completeGroup(tree scim.Value, g directory.Group) scim.Value {
	return r.types.group.Complete(string(g.ID), tree, scim.Meta{
		Created: g.Created, LastModified: g.Modified, Location: r.location("/Groups/", string(g.ID)), Version: etag(g.Version),
	})
}

func (r *request) memberElement(id directory.ScimID) scim.Value {
	kind, endpoint := "User", "/Users/"
	if id.IsGroup() {
		kind, endpoint = "Group", "/Groups/"
	}
	return scim.ObjectValue(
		scim.Member{Name: "value", Value: scim.StringValue(string(id))},
		scim.Member{Name: "$ref", Value: scim.StringValue(r.base + endpoint + string(id))},
		scim.Member{Name: "type", Value: scim.StringValue(kind)})
}

// changes lists the attributes in which two trees differ, for the log; attributes of extensions individually, under
// their full names.
func changes(before, after scim.Value) []directory.Change {
	d := differ{text: make([]byte, 0, 1024)}
	d.compare("", before, after)
	return d.changes
}

// differ collects changes; their JSON shares one buffer.
type differ struct {
	changes []directory.Change
	text    []byte
}

func (d *differ) compare(prefix string, before, after scim.Value) {
	for _, m := range before.Members() {
		d.attribute(prefix, m.Name, m.Value, after.Get(m.Name))
	}
	for _, m := range after.Members() {
		if before.Get(m.Name).IsNull() {
			d.attribute(prefix, m.Name, scim.Value{}, m.Value)
		}
	}
}

func (d *differ) attribute(prefix, name string, before, after scim.Value) {
	switch {
	case before.Equal(after):
	case prefix == "" && isURN(name):
		d.compare(name+":", before, after)
	default:
		d.changes = append(d.changes, directory.Change{Attr: prefix + name, Before: d.json(before), After: d.json(after)})
	}
}

func (d *differ) json(v scim.Value) []byte {
	if v.IsNull() {
		return nil
	}
	start := len(d.text)
	d.text = v.Append(d.text)
	return d.text[start:len(d.text):len(d.text)]
}

func isURN(name string) bool { return len(name) > 4 && casefold.Equal(name[:4], "urn:") }
