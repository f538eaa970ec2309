package dynamo

import (
	"context"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/shared/directory"
	"rollcall/shared/find"
	"rollcall/shared/fsck"
	"rollcall/shared/store/dynamo/schema"
)

// checker collects what is broken in the items of a tenant, and how to correct it.
type checker struct {
	*Store
	t     directory.TenantID
	items map[schema.Key]item
	kinds map[string][]schema.Key // the keys by kindOf, in order
	want  map[schema.Key]wanted   // the derived items that there should be
	found []fsck.Finding
	fixes map[int]func(*tx) // of findings, by their number

	users      []directory.User
	providers  map[directory.ProviderID]bool
	counted    map[countMark]bool  // entries
	logged     map[string]bool     // the subjects of entries
	unfinished map[string]bool     // ids whose memberships an entry has still to end
	locked     map[schema.Key]bool // groups with a change that is not rolled forward yet
	newest     time.Time           // of the log
}

// wanted is a derived item and the record it is derived from.
type wanted struct {
	item
	kind        fsck.Kind
	subject, id string
}

// CheckTenant implements fsck.Store: it reads the whole table. Each correction is a transaction under the condition that
// what it changes is as it was read.
func (s *Store) CheckTenant(ctx context.Context, t directory.TenantID, repair bool, report func(fsck.Finding)) error {
	c := &checker{
		Store: s, t: t, items: map[schema.Key]item{}, kinds: map[string][]schema.Key{}, want: map[schema.Key]wanted{}, fixes: map[int]func(*tx){},
		providers: map[directory.ProviderID]bool{}, counted: map[countMark]bool{}, logged: map[string]bool{},
		unfinished: map[string]bool{}, locked: map[schema.Key]bool{},
	}
	if t == "" {
		if err := c.checkTenants(ctx); err != nil {
			return err
		}
	} else {
		if err := c.read(ctx); err != nil {
			return err
		}
		for _, part := range []func(){
			c.checkLog, c.checkProviders, c.checkUsers, c.checkGroups, c.checkMembers, c.checkTotals, c.checkTallies, c.checkNames,
			c.checkDeliveries, c.checkRecords, c.checkBlocks, c.compare,
		} {
			part()
		}
	}
	for i := range c.found {
		if fix := c.fixes[i]; repair && fix != nil {
			x := &tx{}
			fix(x)
			if err := s.commitOnce(ctx, "repair", x); err != nil {
				return err
			}
			c.found[i].Repaired = true
		}
	}
	slices.SortStableFunc(c.found, fsck.Finding.Compare)
	for _, f := range c.found {
		report(f)
	}
	return nil
}

// scan calls fn for every item of the table whose partition key begins with a text.
func (s *Store) scan(ctx context.Context, prefix, attributes string, fn func(item)) error {
	in := &dynamodb.ScanInput{TableName: &s.table, ConsistentRead: aws.Bool(true)}
	if prefix != "" {
		in.FilterExpression, in.ExpressionAttributeValues = aws.String("begins_with(PK, :t)"), item{":t": str(prefix)}
	}
	if attributes != "" {
		in.ProjectionExpression = &attributes
	}
	for {
		out, err := s.client.Scan(ctx, in)
		if err != nil {
			return fault("scan", err)
		}
		for _, it := range out.Items {
			fn(it)
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; len(in.ExclusiveStartKey) == 0 {
			return nil
		}
	}
}

func (c *checker) read(ctx context.Context) error {
	err := c.scan(ctx, schema.Escape(string(c.t))+"#", "", func(it item) { c.items[keyOf(it)] = it })
	for _, k := range slices.SortedFunc(maps.Keys(c.items), schema.Key.Compare) {
		c.kinds[kindOf(k)] = append(c.kinds[kindOf(k)], k)
	}
	return err
}

// kindOf returns the part of a key that names its kind: the third one of items in a list of a provider, after "p ", and
// the second one of others.
func kindOf(k schema.Key) string {
	const longest = 2 // of the names of kinds; ids are longer
	parts := strings.Split(k.PK, "#")
	switch {
	case len(parts) > 2 && (parts[1] == "" || len(parts[1]) > longest):
		return "p " + parts[2]
	case len(parts) > 1:
		return parts[1]
	}
	return ""
}

// homeIn returns the list that a key belongs to.
func homeIn(k schema.Key) schema.Home {
	parts := strings.SplitN(k.PK, "#", 3)
	return schema.Home(parts[0] + "#" + parts[1])
}

// add notes what cannot be repaired.
func (c *checker) add(k fsck.Kind, subject, id, detail string) {
	c.derived(k, subject, id, detail, nil)
}

// derived notes what is wrong in derived data, and how to correct it.
func (c *checker) derived(k fsck.Kind, subject, id, detail string, fix func(*tx)) {
	if fix != nil {
		c.fixes[len(c.found)] = fix
	}
	c.found = append(c.found, fsck.Finding{Kind: k, Tenant: c.t, Subject: subject, ID: id, Detail: detail, Repairable: fix != nil})
}

// unchanged is the condition that an item has its attributes.
func unchanged(it item) cond {
	c := exists
	for _, name := range slices.Sorted(maps.Keys(it)) {
		if name != "PK" && name != "SK" {
			c = c.and(when("#"+name+" = :is"+name, item{":is" + name: it[name]}))
		}
	}
	return c
}

// expect notes that there should be a derived item; two records may not need different ones.
func (c *checker) expect(k schema.Key, w wanted) {
	if old, ok := c.want[k]; ok && !reflect.DeepEqual(old.item, w.item) {
		c.add(fsck.Twice, w.subject, w.id, "a unique value of it is also that of "+old.id)
		return
	}
	c.want[k] = w
}

// comparedKinds are the kinds of items that are wholly derived, with the finding of one that there should not be.
var comparedKinds = []struct {
	kind    string
	finding fsck.Kind
	subject string
}{
	{"N", fsck.NameGuard, "user"}, {"p K", fsck.LookUp, "user"}, {"p GN", fsck.NameGuard, "group"}, {"p GK", fsck.LookUp, "group"},
	{"p R", fsck.Membership, "group"}, {"PN", fsck.NameGuard, "provider"}, {"AH", fsck.NameGuard, "API key"},
	{"ON", fsck.NameGuard, "organization"},
}

// compare compares the derived items that there should be with those that there are.
func (c *checker) compare() {
	for _, kind := range comparedKinds {
		for _, k := range c.kinds[kind.kind] {
			if _, ok := c.want[k]; !ok && !c.unsettled(k) {
				id := k.SK
				for _, name := range []string{"uid", "gid", "p", "id"} {
					if v := text(c.items[k], name); v != "" && kind.finding == fsck.NameGuard {
						id = v
						break
					}
				}
				c.derived(kind.finding, kind.subject, id, "an item leads to it that does not fit it",
					func(x *tx) { x.delete(c.Store, k, unchanged(c.items[k]), nil) })
			}
		}
	}
	for _, k := range slices.SortedFunc(maps.Keys(c.want), schema.Key.Compare) {
		w, is := c.want[k], maps.Clone(c.items[k])
		delete(is, "PK")
		delete(is, "SK")
		delete(is, "mv") // of an alias: a counter of its own
		switch {
		case c.items[k] == nil:
			c.derived(w.kind, w.subject, w.id, "an item that leads to it is missing", func(x *tx) { x.put(c.Store, k, w.item, absent, nil) })
		case !reflect.DeepEqual(is, w.item):
			c.derived(w.kind, w.subject, w.id, "an item that should lead to it leads elsewhere",
				func(x *tx) { x.put(c.Store, k, w.item, unchanged(c.items[k]), nil) })
		}
	}
}

// unsettled reports whether the reverse row of a membership belongs to a change that is not rolled forward yet.
func (c *checker) unsettled(k schema.Key) bool {
	if kindOf(k) != "p R" {
		return false
	}
	g, m := schema.Unescape(k.SK), schema.PartOf(k, 3)
	return c.locked[homeIn(k).Group(directory.GroupID(g))] || c.unfinished[g] || c.unfinished[m]
}

// checkTenants looks for items of tenants that do not exist.
func (c *checker) checkTenants(ctx context.Context) error {
	seen := map[string]bool{}
	err := c.scan(ctx, "", "PK", func(it item) {
		id, _, _ := strings.Cut(text(it, "PK"), "#")
		seen[schema.Unescape(id)] = true
	})
	if err != nil {
		return err
	}
	delete(seen, "") // the list of tenants
	delete(seen, string(directory.OperatorScope))
	err = find.EachTenant(ctx, tenantStore{c.Store}, func(t directory.Tenant) error {
		delete(seen, string(t.ID))
		return nil
	})
	if err == nil {
		for _, id := range slices.Sorted(maps.Keys(seen)) {
			c.add(fsck.NoTenant, "tenant", id, "it does not exist, but has items")
		}
	}
	return err
}

// checkRecords decodes the records whose id is in their key.
func (c *checker) checkRecords() {
	for kind, subject := range map[string]string{
		"A": "API key", "C": "conflict", "H": "legal hold", "W": "webhook", "O": "organization", "WL": "watchlist", "TK": "task",
		"PA":  "deleted provider",
		"p V": "guard event", "AR": "apply run",
	} {
		for _, k := range c.kinds[kind] {
			id := schema.Unescape(k.SK)
			var v struct{ ID string }
			if json.Unmarshal([]byte(text(c.items[k], "r")), &v) != nil {
				c.add(fsck.Unreadable, subject, id, "its record cannot be decoded")
			} else if v.ID != id {
				c.add(fsck.WrongPlace, subject, id, "its record has another id")
			}
		}
	}
	for _, k := range c.kinds["HC"] {
		var v directory.Custodian
		switch err := getJSON(c.items[k], "r", &v); {
		case err != nil || v.Matter == "":
			c.add(fsck.Unreadable, "custodian", schema.Unescape(k.SK), "its record cannot be decoded")
		case schema.CustodianKey(c.t, v.Matter, v.User) != k:
			c.add(fsck.WrongPlace, "custodian", schema.Unescape(k.SK), "its record is of another matter or user")
		}
	}
}

// checkBlocks compares the numbers of blocks and heads with their records.
func (c *checker) checkBlocks() {
	for _, k := range c.kinds["B"] {
		var b directory.Block
		p := directory.ProviderID(schema.PartOf(k, 2))
		if getJSON(c.items[k], "r", &b) != nil {
			c.add(fsck.Unreadable, "chain", string(p), "a block cannot be decoded")
		} else if schema.BlockKey(c.t, p, b.Seq) != k {
			c.add(fsck.Chain, "chain", string(p), "a block is stored under another number")
		}
	}
	rules := c.items[schema.RulesKey(c.t)]
	for _, k := range c.kinds["CH"] {
		var h directory.ChainHead
		if getJSON(c.items[k], "r", &h) != nil {
			c.add(fsck.Unreadable, "chain", k.SK, "its head cannot be decoded")
		} else if schema.ChainKey(c.t, h.Provider) != k || number(c.items[k], "rev") != h.Seq {
			c.add(fsck.Chain, "chain", string(h.Provider), "its head is stored under another provider or number")
		} else if mark := text(rules, schema.MarkAttr(h.Provider)); mark != "" && mark != h.Mark {
			c.derived(fsck.Chain, "chain", string(h.Provider), "its end is not where followers look for it", func(x *tx) {
				x.check(c.Store, k, unchanged(c.items[k]), nil)
				x.update(c.Store, schema.RulesKey(c.t), edit{set: item{schema.MarkAttr(h.Provider): str(h.Mark)}}, exists, nil)
			})
		}
	}
}
