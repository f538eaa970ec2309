package dynamo_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"rollcall/shared/fsck"
	"rollcall/shared/proof"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/storetest/sample"
)

type item = map[string]types.AttributeValue

// damage changes the items of a kind of a sample, and the kinds of findings that leads to, the first for sure.
type damage struct {
	name, kind string
	change     func(*sample.Sample, item) item
	repairable bool
	found      []fsck.Kind
}

func found(k ...fsck.Kind) []fsck.Kind { return k }

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n string) types.AttributeValue { return &types.AttributeValueMemberN{Value: n} }

func text(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// all changes every item of the kind, at the end of whose key the text is; "" changes all.
func all(sk string, change func(item) item) func(*sample.Sample, item) item {
	return func(_ *sample.Sample, it item) item {
		if strings.HasSuffix(text(it, "SK"), sk) {
			return change(it)
		}
		return it
	}
}

// of changes the items whose sort key is the id.
func of(id func(*sample.Sample) string, change func(item) item) func(*sample.Sample, item) item {
	return func(x *sample.Sample, it item) item {
		if text(it, "SK") == id(x) {
			return change(it)
		}
		return it
	}
}

func drop(item) item { return nil }

func set(name string, v types.AttributeValue) func(item) item {
	return func(it item) item { it[name] = v; return it }
}

func unset(names ...string) func(item) item {
	return func(it item) item {
		for _, name := range names {
			delete(it, name)
		}
		return it
	}
}

// replace replaces a text in an attribute.
func replace(name, old, new string) func(item) item {
	return func(it item) item { it[name] = str(strings.ReplaceAll(text(it, name), old, new)); return it }
}

// elsewhere moves the item under another sort key.
func elsewhere(it item) item { it["SK"] = str(text(it, "SK") + "x"); return it }

func user(x *sample.Sample) string   { return string(x.User.ID) }
func leaver(x *sample.Sample) string { return string(x.Leaver.ID) }
func group(x *sample.Sample) string  { return string(x.Group.ID) }

var damages = []damage{
	{"a userName's guard is lost", "N", all("", drop), true, found(fsck.NameGuard)},
	{"a userName's guard names nobody", "N", all("", set("uid", str("unobody"))), true, found(fsck.NameGuard)},
	{"a guard of a name that nobody has", "N", all("", func(it item) item { it["PK"] = str(text(it, "PK") + "x"); return it }), true,
		found(fsck.NameGuard)},
	{"two users have a userName", "p U", of(user, set("un", str("BOSS"))), false, found(fsck.Twice, fsck.NameGuard, fsck.Replay)},
	{"a user is in the wrong list", "p U", of(user, set("p", str("other"))), false,
		found(fsck.WrongPlace, fsck.Reference, fsck.LookUp, fsck.NameGuard, fsck.Total, fsck.Tally, fsck.Replay)},
	{"a user is lost", "p U", of(user, drop), false,
		found(fsck.Membership, fsck.LookUp, fsck.NameGuard, fsck.Total, fsck.Tally, fsck.Replay)},
	{"a user's account is truncated", "p U", of(user, set("ac", str("{"))), false,
		found(fsck.Unreadable, fsck.LookUp, fsck.NameGuard, fsck.Total, fsck.Tally)},
	{"a user's look-ups do not fit its attributes", "p U", of(user, unset("lk")), true, found(fsck.Matching, fsck.LookUp)},
	{"a user has another version than its last entry", "p U", of(user, set("ver", num("77"))), false, found(fsck.Replay)},
	{"a user was unblocked without an entry", "p U", of(leaver, unset("pd", "due", "dueAt")), false, found(fsck.Replay)},
	{"a deactivation is in another partition", "p U", of(leaver, set("due", str("held"))), true, found(fsck.DueIndex)},
	{"a user is due without a deactivation", "p U", of(user, func(it item) item { return set("dueAt", str("0"))(set("due", str("0"))(it)) }),
		true, found(fsck.DueIndex)},
	{"the id of a restored user finds nobody", "p U", func(x *sample.Sample, it item) item {
		if text(it, "alias") != "" {
			return nil
		}
		return it
	}, true, found(fsck.LookUp, fsck.Membership)},
	{"look-ups are lost", "p K", all("", drop), true, found(fsck.LookUp)},
	{"look-ups lead to nobody", "p K", all("", elsewhere), true, found(fsck.LookUp)},
	{"a former userName leads to nobody", "NA", all("", elsewhere), true, found(fsck.LookUp)},
	{"displayNames are not guarded", "p GN", all("", drop), true, found(fsck.NameGuard)},
	{"a displayName's guard names another group", "p GN", all("", set("gid", str("gother"))), true, found(fsck.NameGuard)},
	{"groups are not found by their externalId", "p GK", all("", drop), true, found(fsck.LookUp)},
	{"a group has another number of members", "p G", all("#S3", set("n", num("5"))), true, found(fsck.MemberCount)},
	{"a group has another name than its last entry", "p G", of(group, set("name", str("GROUP"))), false, found(fsck.Replay)},
	{"a part of a number of members is lost", "p G", all("#S0", drop), true, found(fsck.MemberCount)},
	{"a group is lost", "p G", of(group, drop), false,
		found(fsck.Membership, fsck.NameGuard, fsck.LookUp, fsck.Total, fsck.Replay)},
	{"members do not know of their groups", "p R", all("", drop), true, found(fsck.Membership)},
	{"a member has a group that does not know it", "p R", all("", elsewhere), true, found(fsck.Membership)},
	{"a member does not exist", "p M", func(x *sample.Sample, it item) item {
		if text(it, "SK") == string(x.Boss.ScimID) {
			return elsewhere(it)
		}
		return it
	}, false, found(fsck.Membership, fsck.Replay)},
	{"a total is wrong", "p T", all("", set("n", num("7"))), true, found(fsck.Total)},
	{"totals are lost", "p T", all("", drop), true, found(fsck.Total)},
	{"tallies are lost", "Y", all("", drop), true, found(fsck.Tally)},
	{"tallies are wrong", "Y", all("", set("n", num("9"))), true, found(fsck.Tally)},
	{"a provider's name is not guarded", "PN", all("", drop), true, found(fsck.NameGuard)},
	{"a provider is lost", "P", all("", drop), false, found(fsck.Reference, fsck.NameGuard, fsck.Replay)},
	{"organizations are not found by name", "ON", all("", drop), true, found(fsck.NameGuard)},
	{"a name leads to another organization", "ON", all("", set("id", str("oother"))), true, found(fsck.NameGuard)},
	{"API keys are not found by their hashes", "AH", all("", drop), true, found(fsck.NameGuard)},
	{"a custodian is lost", "HC", all("", drop), false, found(fsck.LegalHold)},
	{"a legal hold's record is damaged", "H", all("", set("r", str("{"))), false, found(fsck.Unreadable)},
	{"a delivery is not due", "V", all("", unset("place")), true, found(fsck.DueIndex)},
	{"a delivery is not in its webhook's queue", "VQ", all("", drop), true, found(fsck.DueIndex)},
	{"a webhook's queue is lost", "WQ", all("", drop), true, found(fsck.DueIndex)},
	{"work set aside is not due", "SA", all("", unset("due", "dueAt")), true, found(fsck.DueIndex)},
	{"a day of the log is not listed", "D", all("", drop), true, found(fsck.LookUp, fsck.Sealed, fsck.Replay)},
	{"entries are found under another user", "L", all("", func(it item) item {
		if it["S1"] != nil {
			it["S1"] = str("x#u1")
		}
		return it
	}), false, found(fsck.LogKey, fsck.Replay)},
	{"entries cannot be read", "L", all("", set("e", str("{"))), false, found(fsck.Unreadable, fsck.Tally)},
	{"sealed entries were changed", "L", all("", replace("e", `"Name":"`, `"Name":"x`)), false, found(fsck.Sealed, fsck.Replay)},
	{"a sealed entry was removed", "L", func(x *sample.Sample, it item) item {
		if strings.HasSuffix(text(it, "SK"), string(x.Entry.ID)) {
			return nil
		}
		return it
	}, false, found(fsck.Sealed, fsck.Replay)},
	{"blocks were removed", "B", all("", drop), false, found(fsck.Chain)},
	{"blocks were changed", "B", all("", replace("r", `"at":"20`, `"at":"21`)), false, found(fsck.Chain)},
	{"followers look for a chain's end elsewhere", "RV", all("", func(it item) item {
		for name := range it {
			if strings.HasPrefix(name, "m") {
				it[name] = str("x")
			}
		}
		return it
	}), true, found(fsck.Chain)},
	{"nobody looks for users who name their managers", "RV", all("", set("naming", num("0"))), true, found(fsck.LookUp)},
	{"a chain's end was moved", "CH", all("", replace("r", `"Mark":"0`, `"Mark":"1`)), false, found(fsck.Chain)},
}

// Each planted damage is found and, if it is derived, repaired; nothing is found before.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	s := open(t, newTable(t))
	x := sample.New(t, s.Ports())
	for _, f := range x.Check(false) {
		t.Fatalf("before the damage: %s", f)
	}
	for _, d := range proof.Spread(proof.Size(14, proof.All), damages) {
		t.Run(d.name, func(t *testing.T) {
			x := x.In(t)
			n, restore, err := s.Damage(t.Context(), x.Tenant, d.kind, func(it item) item { return d.change(x, it) })
			if err != nil || n == 0 {
				t.Fatalf("%d items damaged, %v", n, err)
			}
			x.Expect(d.repairable, d.found[0], d.found[1:]...)
			if err := restore(t.Context()); err != nil {
				t.Fatal(err)
			}
		})
	}
}

var _ fsck.Store = (*dynamo.Store)(nil)
