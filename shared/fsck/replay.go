package fsck

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/find"
)

// replay plays the log from its first entry that is kept, and compares the state in which it leaves users and groups with
// their records. Values that no kept entry mentions are not known, unless the log begins with the creation.
func (c *check) replay() error {
	r := &replay{check: c, byUser: map[directory.UserID]*userLog{}, byGroup: map[directory.GroupID]*groupLog{}, complete: c.kept()}
	ps, err := find.ChainsOf(c.ctx, c.Providers, c.Chains, c.tenant.ID)
	if err != nil {
		return err
	}
	for i := 0; i < len(ps); i++ { // the tenant's own log is the first, and names providers that are gone
		begun := false
		err := (&chain{check: c, p: ps[i]}).entries("", "", func(e directory.LogEntry) {
			if !begun {
				begun, r.complete = true, directory.Latest(r.complete, e.At)
			}
			if p := directory.ProviderID(e.Target); e.Action == directory.ProviderCreated && !slices.Contains(ps, p) {
				ps = append(ps, p)
			}
			r.play(e)
		})
		if err != nil {
			return err
		}
	}
	for id, log := range r.byUser {
		if _, known := c.users[id]; !known && log.last > 0 {
			c.found(Replay, "user", string(id), "the log has entries about it, but there is no record")
		}
	}
	for _, id := range c.ids {
		switch log := r.byUser[id]; {
		case log != nil:
			r.user(c.users[id], log)
		case c.users[id].Modified.After(r.complete):
			c.found(Replay, "user", string(id), "the log has no entry about it")
		}
	}
	return r.groups()
}

type replay struct {
	*check
	complete time.Time // from then on, each log has all entries
	byUser   map[directory.UserID]*userLog
	byGroup  map[directory.GroupID]*groupLog
}

// userLog is what the log says about a user. Entries are ordered by their versions, whatever their times.
type userLog struct {
	first, last, entries int64 // versions, and how many entries there are
	created              bool
	name                 logged            // the userName
	values               map[string]logged // of attributes
	replaced             int64             // the version from which the profile is another one
	left                 time.Time         // when it was last removed, or moved between providers
}

// logged is a value in the log at a version.
type logged struct {
	version int64
	value   json.RawMessage
	erased  bool
}

func (v *logged) set(n logged) {
	if n.version >= v.version {
		*v = n
	}
}

func (r *replay) play(e directory.LogEntry) {
	switch {
	case e.At.Before(r.kept()): // others may be gone, in any order
	case e.Group != "":
		if strings.HasPrefix(string(e.Action), "group.") { // not a conflict about it
			r.playGroup(e)
		}
	case e.User == "" || e.Version == 0 || !ofRecord(e.Action):
	default:
		log := r.byUser[e.User]
		if log == nil {
			log = &userLog{first: e.Version, values: map[string]logged{}}
			r.byUser[e.User] = log
		}
		log.play(e)
	}
}

// ofRecord reports whether an entry with a user is a change of its record.
func ofRecord(a directory.Action) bool {
	return strings.HasPrefix(string(a), "user.") || a == directory.HoldPlaced || a == directory.HoldReleased
}

func (l *userLog) play(e directory.LogEntry) {
	l.first, l.last, l.entries = min(l.first, e.Version), max(l.last, e.Version), l.entries+1
	erased := len(e.Erased) > 0
	name, err := json.Marshal(e.Name)
	l.name.set(logged{e.Version, name, erased || err != nil})
	note := func(attr string, value json.RawMessage) {
		v := l.values[attr]
		v.set(logged{e.Version, value, erased})
		l.values[attr] = v
	}
	if e.Action == directory.UserCreated {
		l.created = true
		created := directory.User{Provider: e.Provider}
		if slices.Contains(e.Effects, directory.EffectDeactivated) {
			created.Lifecycle = directory.LifecycleDeactivated
		}
		for attr, value := range accountOf(created) {
			note(attr, value)
		}
	}
	for _, ch := range e.Changes {
		note(ch.Attr, ch.After)
		if ch.Attr == "provider" || ch.Attr == "gone" {
			l.left, l.replaced = directory.Latest(l.left, e.At), max(l.replaced, e.Version)
		}
	}
	if slices.Contains([]directory.Action{directory.UserRestored, directory.UserConverted, directory.UserPurged}, e.Action) {
		l.replaced = max(l.replaced, e.Version)
	}
}

// accountOf returns what the log of a user would say about its account, by attribute.
func accountOf(u directory.User) map[string]json.RawMessage {
	_, e, err := directory.FinishChange(directory.User{}, u, directory.LogEntry{})
	out := map[string]json.RawMessage{}
	if err == nil && e != nil {
		for _, ch := range e.Changes {
			out[ch.Attr] = ch.After
		}
	}
	return out
}

// accountAttrs are the attributes of an account whose every change is logged.
var accountAttrs = []string{"lifecycle", "adminBlock", "pending", "holds", "provider", "gone", directory.AttrOrganization,
	directory.AttrRoleGrants, directory.AttrPinned, directory.AttrReview, directory.AttrWatchlists}

// user compares a user with its log.
func (r *replay) user(u directory.User, l *userLog) {
	id := string(u.ID)
	if l.last != u.Version {
		r.found(Replay, "user", id, "its version is not that of its last entry")
		return
	}
	if l.entries != l.last-l.first+1 {
		r.found(Replay, "user", id, "entries are missing between its first and its last one")
	}
	differs := func(attr string, v logged, is json.RawMessage) {
		if !v.erased && !sameValue(attr, v.value, is) {
			r.found(Replay, "user", id, "its "+attr+" is not what its last entry about it says")
		}
	}
	name, err := json.Marshal(u.UserName)
	if err == nil {
		differs(directory.AttrUserName, l.name, name)
	}
	account := accountOf(u)
	for _, attr := range accountAttrs {
		if v, ok := l.values[attr]; ok || l.created {
			differs(attr, v, account[attr])
		}
	}
	for attr, v := range l.values {
		if is, ok := profileValue(u, attr); ok && v.version >= l.replaced {
			differs(attr, v, is)
		}
	}
}

// sameValue compares two values of an attribute, ignoring their spelling in JSON. Nothing is the same as empty.
func sameValue(attr string, a, b json.RawMessage) bool {
	return reflect.DeepEqual(decoded(attr, a), decoded(attr, b))
}

func decoded(attr string, raw json.RawMessage) (v any) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if len(raw) == 0 || d.Decode(&v) != nil {
		return nil
	}
	switch x := v.(type) {
	case []any:
		if len(x) == 0 {
			return nil
		}
	case string:
		if x == "" || attr == "lifecycle" && x == string(directory.LifecycleActive) {
			return nil
		}
	case bool:
		if !x && attr != "active" {
			return nil
		}
	}
	return v
}

// profileValue returns the value of an attribute of the directory as the log has it; false for other attributes, for the
// manager, which is stored in two places, and for the code of the country, which follows from the attributes.
func profileValue(u directory.User, attr string) (json.RawMessage, bool) {
	var v any
	switch attr {
	case directory.AttrExternalID:
		v = u.ExternalID
	case "active":
		v = u.Active
	case directory.AttrManager, directory.AttrUserName, directory.AttrRefused, directory.AttrUnknownCountry, directory.AttrWatchlistReasons,
		directory.AttrOrganizationSource:
		return nil, false
	default:
		if slices.Contains(accountAttrs, attr) || attr == "countryCode" || strings.HasSuffix(attr, ":manager") {
			return nil, false
		}
		return attributeAt(u.Attributes, attr)
	}
	raw, err := json.Marshal(v)
	return raw, err == nil
}

// attributeAt returns an attribute by its name, which may begin with the URN of an extension.
func attributeAt(attributes []byte, attr string) (json.RawMessage, bool) {
	if i := strings.LastIndexByte(attr, ':'); i >= 0 {
		attributes, attr = memberOf(attributes, attr[:i]), attr[i+1:]
	}
	return memberOf(attributes, attr), true
}

func memberOf(object []byte, name string) json.RawMessage {
	var members map[string]json.RawMessage
	if json.Unmarshal(object, &members) != nil {
		return nil
	}
	return members[name]
}
