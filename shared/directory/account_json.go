package directory

// AppendJSON appends the account as encoding/json would write it, without reflection: every disable and enable
// writes one.
func (a Account) AppendJSON(dst []byte) []byte {
	o := newObject(dst)
	o.text("Lifecycle", string(a.Lifecycle))
	o.time("DeactivatedAt", a.DeactivatedAt)
	if b := a.AdminBlock; b != nil {
		outer := o.open("AdminBlock")
		o.text("By", b.By)
		o.time("At", b.At)
		o.text("Reason", b.Reason)
		o.close(outer)
	}
	if p := a.Pending; p != nil {
		outer := o.open("Pending")
		o.time("RequestedAt", p.RequestedAt)
		o.time("DueAt", p.DueAt)
		o.text("Cause", p.Cause)
		o.text("Provider", string(p.Provider))
		o.text("RequestID", p.RequestID)
		o.number("Generation", p.Generation)
		o.flag("Frozen", p.Frozen)
		o.flag("Staged", p.Staged)
		o.close(outer)
	}
	appendTexts(&o, "Holds", a.Holds)
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
