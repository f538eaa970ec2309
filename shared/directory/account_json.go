package directory

import (
	"strconv"
	"time"
)

// AppendJSON appends the account as encoding/json would write it, without reflection: every disable and enable
// writes one.
func (a Account) AppendJSON(dst []byte) []byte {
	o := newObject(dst)
	o.text("Lifecycle", string(a.Lifecycle))
	o.time("DeactivatedAt", a.DeactivatedAt)
	if b := a.AdminBlock; b != nil {
		o.object("AdminBlock", func(o *object) {
			o.text("By", b.By)
			o.time("At", b.At)
			o.text("Reason", b.Reason)
		})
	}
	if p := a.Pending; p != nil {
		o.object("Pending", func(o *object) {
			o.time("RequestedAt", p.RequestedAt)
			o.time("DueAt", p.DueAt)
			o.text("Cause", p.Cause)
			o.text("Provider", string(p.Provider))
			o.text("RequestID", p.RequestID)
			o.number("Generation", p.Generation)
			o.flag("Frozen", p.Frozen)
			o.flag("Staged", p.Staged)
		})
	}
	o.dst = appendTexts(o.dst, "Holds", a.Holds)
	o.text("OrgID", string(a.OrgID))
	o.text("OrgSource", a.OrgSource)
	o.text("OrgGroup", string(a.OrgGroup))
	o.number("OrgConfig", a.OrgConfig)
	o.flag("OrgPinned", a.OrgPinned)
	appendObjects(&o, "RoleGrants", a.RoleGrants, func(o *object, g RoleGrant) {
		o.text("Role", string(g.Role))
		o.text("Source", g.Source)
		o.text("By", g.By)
		o.number("Config", g.Config)
		o.time("At", g.At)
	})
	appendObjects(&o, "Watchlists", a.Watchlists, func(o *object, w Watched) {
		o.text("List", string(w.List))
		o.text("Why", w.Why)
	})
	o.text("CountryCode", a.CountryCode)
	o.time("OverriddenAt", a.OverriddenAt)
	o.text("Review", a.Review)
	return o.end()
}

// object writes a JSON object whose members are left out where they have their zero value.
type object struct {
	dst   []byte
	start int
}

func newObject(dst []byte) object { return object{dst, len(dst)} }

func (o *object) name(name string) {
	o.dst = append(append(append(o.dst, ',', '"'), name...), '"', ':')
}

func (o *object) text(name, value string) {
	if value != "" {
		o.name(name)
		o.dst = appendText(o.dst, value)
	}
}

func (o *object) number(name string, n int64) {
	if n != 0 {
		o.name(name)
		o.dst = strconv.AppendInt(o.dst, n, 10)
	}
}

func (o *object) flag(name string, set bool) {
	if set {
		o.name(name)
		o.dst = append(o.dst, "true"...)
	}
}

func (o *object) time(name string, t time.Time) {
	if !t.IsZero() {
		o.name(name)
		o.dst = append(t.AppendFormat(append(o.dst, '"'), time.RFC3339Nano), '"')
	}
}

func (o *object) object(name string, members func(*object)) {
	o.name(name)
	in := newObject(o.dst)
	members(&in)
	o.dst = in.end()
}

// end closes the object and returns what it was appended to.
func (o *object) end() []byte {
	if len(o.dst) == o.start {
		return append(o.dst, '{', '}')
	}
	o.dst[o.start] = '{' // in place of the first comma
	return append(o.dst, '}')
}

func appendObjects[T any](o *object, name string, all []T, members func(*object, T)) {
	if len(all) == 0 {
		return
	}
	o.name(name)
	o.dst = append(o.dst, '[')
	for i, v := range all {
		if i > 0 {
			o.dst = append(o.dst, ',')
		}
		in := newObject(o.dst)
		members(&in, v)
		o.dst = in.end()
	}
	o.dst = append(o.dst, ']')
}
