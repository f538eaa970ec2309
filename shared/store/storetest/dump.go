package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
)

// Dump returns everything that the ports return about a tenant as text, one record per line, so that two stores with
// the same history have the same text. It leaves out the choices of a store: the ids and the order of entries of the
// same moment, the versions of groups, which only have to grow, and pending work. It panics if the store fails.
func Dump(ctx context.Context, ports directory.Ports, t directory.TenantID) string {
	d := &dump{ctx: ctx, Ports: ports, t: t, labels: map[directory.EntryID]string{}}
	tenant := got(ports.Tenants.Tenant(ctx, t))
	d.line("tenant", tenant)
	providers := got(ports.Providers.ListProviders(ctx, t))
	for _, p := range providers {
		d.line("provider", p)
		d.lists(p.ID)
	}
	for _, a := range got(ports.Providers.ArchivedProviders(ctx, t)) {
		d.line("deleted provider", a)
		for _, page := range got(ports.Providers.ArchivePages(ctx, t, a.ID, "", dumpPage)) {
			if page.Group != nil {
				page.Group.Version = 0
			}
			d.line("archive", page)
		}
	}
	d.users()
	d.leavers(providers)
	for _, c := range got(ports.Conflicts.ListConflicts(ctx, t, "", "", 10_000)) {
		d.line("conflict", c)
	}
	d.mappings(providers)
	for _, k := range got(ports.APIKeys.ListAPIKeys(ctx, t)) {
		d.line("api key", k)
	}
	d.webhooksAndChains(providers)
	d.log(providers)
	return d.text.String()
}

func (w *world) dump() string { return Dump(w.ctx, w.Ports, w.tenant) }

type dump struct {
	ctx context.Context
	directory.Ports
	t      directory.TenantID
	text   strings.Builder
	labels map[directory.EntryID]string
}

func got[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("dump: %v", err))
	}
	return v
}

func (d *dump) line(kind string, v any) {
	fmt.Fprintf(&d.text, "%s %s\n", kind, got(json.Marshal(v)))
}

const dumpPage = 500

// lists writes the users and groups of a provider in the order of their lists, the groups with members.
func (d *dump) lists(p directory.ProviderID) {
	for start := 1; ; {
		page := got(d.Users.ListUsers(d.ctx, d.t, p, directory.Page{Start: start, Count: dumpPage}, directory.UserWant{Groups: true}, nil))
		if start == 1 {
			fmt.Fprintf(&d.text, "%s has %d users\n", p, page.Total)
		}
		for _, v := range page.Users {
			fmt.Fprintf(&d.text, "%s has user %s at version %d in groups %v\n", p, v.ID, v.Version, v.Groups)
		}
		if start += len(page.Users); !page.More {
			break
		}
	}
	for start := 1; ; {
		page := got(d.Groups.ListGroups(d.ctx, d.t, p, directory.Page{Start: start, Count: dumpPage}, directory.GroupWant{Ancestors: true}, nil))
		if start == 1 {
			fmt.Fprintf(&d.text, "%s has %d groups\n", p, page.Total)
		}
		for _, v := range page.Groups {
			d.group(v)
		}
		if start += len(page.Groups); !page.More {
			break
		}
	}
}

func (d *dump) group(v directory.GroupView) {
	fmt.Fprintf(&d.text, "%s has group %s %q external %q attributes %q created %v modified %v members %d below %v\n", v.Provider, v.ID,
		v.DisplayName,
		v.ExternalID, v.Attributes, v.Created, v.Modified, v.MemberCount, slices.Sorted(maps.Keys(v.Ancestors)))
	for _, key := range []directory.Lookup{{Attr: directory.AttrDisplayName, Value: v.DisplayNameKey()},
		{Attr: directory.AttrExternalID, Value: v.ExternalID}, {Attr: directory.AttrMember, Value: string(v.ID)}} {
		if key.Value == "" {
			continue
		}
		for _, f := range got(d.Groups.FindGroups(d.ctx, d.t, v.Provider, key, dumpPage, directory.GroupWant{}, nil)) {
			fmt.Fprintf(&d.text, "%s is found by %s of %s\n", f.ID, key.Attr, v.ID)
		}
	}
	for after := directory.ScimID(""); ; {
		ms := got(d.Groups.Members(d.ctx, d.t, v.Provider, v.ID, after, dumpPage))
		for _, m := range ms {
			fmt.Fprintf(&d.text, "%s has member %s\n", v.ID, m)
		}
		if len(ms) < dumpPage {
			return
		}
		after = ms[len(ms)-1]
	}
}

// users writes every user of the tenant, including local and removed ones, by id.
func (d *dump) users() {
	var all []directory.User
	for after := ""; ; {
		us, next, err := d.Users.SearchUsers(d.ctx, d.t, directory.UserSearch{After: after, Count: dumpPage})
		all = append(all, got(us, err)...)
		if after = next; next == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b directory.User) int { return strings.Compare(string(a.ID), string(b.ID)) })
	for _, u := range all {
		v := got(d.Users.UserByID(d.ctx, d.t, u.ID))
		attributes := string(u.Attributes)
		u.Attributes = nil
		if len(u.Lookups) == 0 {
			u.Lookups = nil
		}
		d.line("user", u)
		fmt.Fprintf(&d.text, "%s has attributes %s and groups %v, was read at version %d\n", u.ID, attributes, v.Groups, v.Version)
		d.found(u)
	}
}

// leavers writes the pending deactivations in their order, the legal holds and the guard events.
func (d *dump) leavers(providers []directory.Provider) {
	for q := (directory.PendingQuery{Count: dumpPage}); ; {
		us, next, err := d.Leavers.PendingUsers(d.ctx, d.t, q)
		for _, u := range got(us, err) {
			fmt.Fprintf(&d.text, "%s is due %v, open %v\n", u.ID, u.Pending.DueAt, u.Open())
		}
		if q.After = next; next == "" {
			break
		}
	}
	for _, m := range got(d.LegalHolds.ListMatters(d.ctx, d.t, "", 10_000)) {
		d.line("matter", m)
		for _, c := range got(d.LegalHolds.Custodians(d.ctx, d.t, m.ID, "", 10_000)) {
			d.line("custodian", c)
		}
	}
	for _, p := range providers {
		for _, v := range got(d.Guards.GuardEvents(d.ctx, d.t, p.ID, "", 10_000)) {
			d.line("guard event", v)
		}
	}
}

// found writes the users and groups found by each key of u.
func (d *dump) found(u directory.User) {
	if u.Provider == "" {
		return
	}
	keys := append([]directory.Lookup{
		{Attr: directory.AttrUserName, Value: directory.UserNameKey(u.UserName)}, {Attr: directory.AttrManager, Value: string(u.ScimID)},
		{Attr: directory.AttrExternalID, Value: u.ExternalID},
	}, u.Lookups...)
	for _, key := range keys {
		if key.Value == "" {
			continue
		}
		for _, v := range got(d.Users.FindUsers(d.ctx, d.t, u.Provider, key, dumpPage, directory.UserWant{}, nil)) {
			fmt.Fprintf(&d.text, "%s is found by %s of %s\n", v.ID, key.Attr, u.ID)
		}
	}
	for _, v := range got(d.Groups.FindGroups(d.ctx, d.t, u.Provider, directory.Lookup{Attr: directory.AttrMember, Value: string(u.ScimID)},
		dumpPage, directory.GroupWant{}, nil)) {
		fmt.Fprintf(&d.text, "%s is found by member %s\n", v.ID, u.ID)
	}
}

// log writes the entries of the tenant and of every provider it has or had.
func (d *dump) log(providers []directory.Provider) {
	all := d.entries("")
	ids := map[directory.ProviderID]bool{}
	for _, p := range providers {
		ids[p.ID] = true
	}
	for _, e := range all {
		if e.Action == directory.ProviderCreated {
			ids[directory.ProviderID(e.Target)] = true
		}
	}
	for _, p := range slices.Sorted(maps.Keys(ids)) {
		all = append(all, d.entries(p)...)
	}
	lines := make([]string, len(all))
	for _, e := range all {
		d.labels[e.ID] = fmt.Sprintf("%s of %s%s%s at %s", e.Action, e.User, e.Group, e.Target, e.At.Format(time.RFC3339Nano))
	}
	for i, e := range all {
		if e.Actor.Kind == directory.ActorSystem {
			e.Actor.ID = d.labels[directory.EntryID(e.Actor.ID)]
		}
		e.ID, e.Remaining = "", directory.RemainingNone
		if e.Group != "" {
			e.Version = 0
		}
		e.Added, e.Removed = slices.Sorted(slices.Values(e.Added)), slices.Sorted(slices.Values(e.Removed))
		lines[i] = fmt.Sprintf("%s %s", e.At.Format(time.RFC3339Nano), got(json.Marshal(e)))
	}
	slices.Sort(lines)
	d.text.WriteString(strings.Join(lines, "\n"))
}

func (d *dump) entries(p directory.ProviderID) (all []directory.LogEntry) {
	for before := ""; ; {
		es := got(d.Log.Entries(d.ctx, d.t, directory.LogQuery{Provider: p, Before: before, Count: dumpPage}))
		all = append(all, es...)
		if len(es) < dumpPage {
			return all
		}
		before = es[len(es)-1].Position()
	}
}

// mappings writes organizations, roles, mappings, watchlists and runs.
func (d *dump) mappings(providers []directory.Provider) {
	for _, o := range got(d.Organizations.ListOrganizations(d.ctx, d.t, "", 10_000)) {
		d.line("organization", o)
	}
	d.line("roles", got(d.Roles.Catalogue(d.ctx, d.t)))
	if ps := got(d.Proposals.ListProposals(d.ctx, d.t)); ps.Version > 0 {
		d.line("proposals", ps)
	}
	for _, w := range got(d.Watchlists.ListWatchlists(d.ctx, d.t)) {
		d.line("watchlist", w)
	}
	for _, p := range providers {
		d.line("mappings", got(d.Mappings.MappingSet(d.ctx, d.t, p.ID)))
		for _, v := range got(d.Countries.CountryValues(d.ctx, d.t, p.ID, 1000)) {
			d.line("country", v)
		}
		for _, r := range got(d.ApplyRuns.ListRuns(d.ctx, d.t, p.ID, "", 10_000)) {
			d.line("run", r)
		}
	}
}

// webhooksAndChains writes the webhooks, deliveries, chains, usage, aliases and tasks.
func (d *dump) webhooksAndChains(providers []directory.Provider) {
	for _, h := range got(d.Webhooks.ListWebhooks(d.ctx, d.t)) {
		d.line("webhook", h)
	}
	for _, x := range got(d.Deliveries.ListDeliveries(d.ctx, d.t, "", 10_000)) {
		d.line("delivery", x)
	}
	for _, x := range got(d.SetAsides.ListSetAside(d.ctx, d.t, "", 10_000)) {
		d.line("set aside", x)
	}
	for _, h := range got(d.Chains.ChainHeads(d.ctx, d.t)) {
		d.line("chain", h)
		for _, b := range got(d.Chains.Blocks(d.ctx, d.t, h.Provider, 1, 10_000)) {
			d.line("block", b)
		}
	}
	for _, p := range providers {
		d.line("usage", got(d.Usages.Usage(d.ctx, d.t, p.ID)))
		if r := got(d.Usages.Requests(d.ctx, d.t, p.ID)); !r.Empty() {
			d.line("requests", r)
		}
	}
	d.line("aliases", got(d.Aliases.AliasesOf(d.ctx, d.t, "former", time.Time{}, 100)))
	d.line("task", got(d.Tasks.Task(d.ctx, d.t, "purge")))
	for _, p := range append(providers, directory.Provider{}) {
		for _, position := range got(d.Chains.Late(d.ctx, d.t, p.ID, 10_000)) {
			at, _, _ := strings.Cut(position, ".") // the rest of the position depends on ids
			d.line("late", at)
		}
	}
}
