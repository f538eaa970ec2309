package sqlite_test

import (
	"strings"
	"testing"

	"rollcall/shared/fsck"
	"rollcall/shared/store/sqlite"
	"rollcall/shared/store/storetest/sample"
)

// damage is a statement that damages a sample, and the kinds of findings it leads to, the first for sure.
type damage struct {
	name, query string
	args        func(*sample.Sample) []any
	repairable  bool
	kinds       []fsck.Kind
}

func args(v ...any) []any { return v }

func userArgs(x *sample.Sample) []any   { return args(string(x.User.ID)) }
func tenantArgs(x *sample.Sample) []any { return args(string(x.Tenant)) }
func groupArgs(x *sample.Sample) []any  { return args(string(x.Group.ID)) }

var damages = []damage{
	{"a userName's key is wrong", `UPDATE users SET name_key = 'nobody' WHERE uid = ?`, userArgs, true, kinds(fsck.NameGuard)},
	{"two users have a userName", `UPDATE users SET user_name = 'BOSS', name_key = 'boss2' WHERE uid = ?`, userArgs, false,
		kinds(fsck.Twice, fsck.Replay)},
	{"a user is in the wrong list", `UPDATE users SET home = home || 'x' WHERE uid = ?`, userArgs, false,
		kinds(fsck.WrongPlace, fsck.LookUp, fsck.Membership, fsck.Total)},
	{"a user's record is truncated", `UPDATE users SET account = '{"Lifecycle"' WHERE uid = ?`, userArgs, false,
		kinds(fsck.Unreadable, fsck.LookUp, fsck.Membership, fsck.Tally)},
	{"a user's look-ups are truncated", `UPDATE users SET lookups = '5:titl' WHERE uid = ?`, userArgs, false,
		kinds(fsck.Unreadable, fsck.LookUp, fsck.Membership, fsck.Tally)},
	{"a deactivation is not in the due index", `UPDATE users SET gate = 0, due_at = 0 WHERE uid = ?`,
		func(x *sample.Sample) []any { return args(string(x.Leaver.ID)) }, true, kinds(fsck.DueIndex)},
	{"a deactivation is due at another time", `UPDATE users SET due_at = due_at + 60000 WHERE uid = ?`,
		func(x *sample.Sample) []any { return args(string(x.Leaver.ID)) }, true, kinds(fsck.DueIndex)},
	{"a user is due without a deactivation", `UPDATE users SET gate = 1, due_at = 1 WHERE uid = ?`, userArgs, true, kinds(fsck.DueIndex)},
	{"a manager leads to nobody", `UPDATE users SET manager_key = 'boss9' WHERE uid = ?`, userArgs, true, kinds(fsck.LookUp)},
	{"an externalId finds nobody", `DELETE FROM lookups WHERE uid = ? AND attr = 'x'`, userArgs, true, kinds(fsck.LookUp)},
	{"an externalId finds somebody else", `INSERT INTO lookups SELECT home, 'x', 'other', uid FROM users WHERE uid = ?`, userArgs, true,
		kinds(fsck.LookUp)},
	{"a matching attribute finds nobody", `DELETE FROM lookups WHERE uid = ? AND attr = 'title'`, userArgs, true, kinds(fsck.LookUp)},
	{"a user's look-ups do not fit its attributes", `UPDATE users SET lookups = NULL WHERE uid = ?`, userArgs, true,
		kinds(fsck.Matching, fsck.LookUp)},
	{"a user was renamed without an entry", `UPDATE users SET user_name = 'other', name_key = 'other' WHERE uid = ?`, userArgs, false,
		kinds(fsck.Replay)},
	{"a user has another version than its last entry", `UPDATE users SET version = version + 1 WHERE uid = ?`, userArgs, false,
		kinds(fsck.Replay)},
	{"a user was unblocked without an entry",
		`UPDATE users SET account = json_remove(account, '$.Pending'), gate = 0, due_at = 0 WHERE uid = ?`,
		func(x *sample.Sample) []any { return args(string(x.Leaver.ID)) }, false, kinds(fsck.Replay)},
	{"a user was added without an entry", `INSERT INTO users SELECT arrival + 1000, home, 'u' || uid, tenant, provider, 'x', 'x', 'x', '', 1,
		'', NULL, NULL, NULL, 1, created, modified, 0, 0, 0, '' FROM users WHERE uid = ?`, userArgs, false,
		kinds(fsck.Replay, fsck.Tally, fsck.Total)},
	{"a group was renamed without an entry", `UPDATE groups SET display_name = 'other', name_key = 'other' WHERE gid = ?`, groupArgs, false,
		kinds(fsck.Replay)},
	{"a member was added without an entry", `INSERT INTO memberships SELECT home, ?1, scim_id FROM users WHERE user_name = 'held';
		UPDATE groups SET members = members + 1 WHERE gid = ?1`, groupArgs, false, kinds(fsck.Replay)},
	{"a former id is forgotten", `DELETE FROM former_ids WHERE home LIKE ? || '/%'`, tenantArgs, true, kinds(fsck.FormerID)},
	{"a former userName leads to nobody", `INSERT INTO aliases VALUES (?, 'hash', 'unobody', 1e15)`, tenantArgs, true, kinds(fsck.LookUp)},
	{"a displayName's key is wrong", `UPDATE groups SET name_key = 'other' WHERE gid = ?`, groupArgs, true, kinds(fsck.NameGuard)},
	{"two groups have a displayName", `UPDATE groups SET display_name = 'OUTER' WHERE gid = ?`, groupArgs, false,
		kinds(fsck.Twice, fsck.Replay)},
	{"two groups have each other's key", `UPDATE groups SET name_key = 'x' WHERE gid = ?1;
		UPDATE groups SET name_key = 'group' WHERE gid <> ?1; UPDATE groups SET name_key = 'outer' WHERE gid = ?1`, groupArgs, true,
		kinds(fsck.NameGuard)},
	{"a group has another number of members", `UPDATE groups SET members = members + 1 WHERE gid = ?`, groupArgs, true,
		kinds(fsck.MemberCount)},
	{"a membership is lost", `DELETE FROM memberships WHERE gid = ? AND member LIKE 'u%'`, groupArgs, false,
		kinds(fsck.Replay, fsck.MemberCount)},
	{"a member does not exist", `UPDATE memberships SET member = 'unobody' WHERE gid = ? AND member = (SELECT max(member) FROM memberships)`,
		groupArgs, false, kinds(fsck.Membership, fsck.Replay)},
	{"a group does not exist", `DELETE FROM groups WHERE gid = ?`, groupArgs, false, kinds(fsck.Membership, fsck.Replay, fsck.Total)},
	{"groups contain each other", `INSERT INTO memberships SELECT home, member, gid FROM memberships WHERE member = ?`, groupArgs, false,
		kinds(fsck.Cycle, fsck.MemberCount, fsck.Replay)},
	{"a tally is wrong", `UPDATE tallies SET n = n + 1 WHERE tenant = ? AND key LIKE 'active/%'`, tenantArgs, true, kinds(fsck.Tally)},
	{"a tally is lost", `DELETE FROM tallies WHERE tenant = ?`, tenantArgs, true, kinds(fsck.Tally)},
	{"a provider's key is wrong", `UPDATE providers SET name_key = 'x' WHERE tenant = ?`, tenantArgs, true, kinds(fsck.NameGuard)},
	{"a provider is lost", `DELETE FROM providers WHERE tenant = ?`, tenantArgs, false, kinds(fsck.Reference, fsck.WrongPlace)},
	{"an organization's name is lost", `DELETE FROM organization_names WHERE tenant = ? AND key = 'unit'`, tenantArgs, true,
		kinds(fsck.NameGuard)},
	{"a name leads to another organization", `UPDATE organization_names SET id = 'odefault' WHERE tenant = ? AND key = 'org'`, tenantArgs,
		true, kinds(fsck.NameGuard)},
	{"a user's organization is lost", `UPDATE users SET account = json_set(coalesce(account, '{}'), '$.OrgID', 'olost') WHERE uid = ?`,
		userArgs, false, kinds(fsck.Reference, fsck.Tally, fsck.Replay)},
	{"a key is not found by its hash", `UPDATE api_keys SET hash = x'00' WHERE tenant = ?`, tenantArgs, true, kinds(fsck.NameGuard)},
	{"a custodian is lost", `DELETE FROM custodians WHERE tenant = ?`, tenantArgs, false, kinds(fsck.LegalHold)},
	{"a hold is lost", `UPDATE users SET account = json_remove(account, '$.Holds') WHERE uid = ?`,
		func(x *sample.Sample) []any { return args(string(x.Held.ID)) }, false, kinds(fsck.LegalHold, fsck.Replay)},
	{"a legal hold's record is damaged", `UPDATE matters SET record = '{' WHERE tenant = ?`, tenantArgs, false, kinds(fsck.Unreadable)},
	{"a delivery is not due", `UPDATE deliveries SET due_at = 0 WHERE tenant = ?`, tenantArgs, true, kinds(fsck.DueIndex)},
	{"work set aside is not due", `UPDATE set_aside SET due_at = 1e15 WHERE tenant = ?`, tenantArgs, true, kinds(fsck.DueIndex)},
	{"a delivery is of another webhook", `UPDATE deliveries SET webhook = 'w2' WHERE tenant = ?`, tenantArgs, true, kinds(fsck.DueIndex)},
	{"a webhook's queue is lost", `DELETE FROM queues WHERE tenant = ?`, tenantArgs, true, kinds(fsck.DueIndex)},
	{"an entry is found under another user", `UPDATE log SET uid = 'unobody' WHERE uid = ?`, userArgs, false, kinds(fsck.LogKey, fsck.Replay)},
	{"an entry cannot be read", `UPDATE log SET entry = '{' WHERE uid = ?`, userArgs, false, kinds(fsck.Unreadable, fsck.Tally)},
	{"a sealed entry was changed", `UPDATE log SET entry = json_set(CAST(entry AS TEXT), '$.Name', 'x') WHERE uid = ?`, userArgs, false,
		kinds(fsck.Sealed, fsck.Replay)},
	{"a sealed entry was removed", `DELETE FROM log WHERE seq = (SELECT max(seq) FROM log WHERE uid = ?)`, userArgs, false,
		kinds(fsck.Sealed, fsck.Replay)},
	{"a block was removed", `DELETE FROM blocks WHERE tenant = ?`, tenantArgs, false, kinds(fsck.Chain)},
	{"a block was changed", `UPDATE blocks SET block = json_set(CAST(block AS TEXT), '$.at', '2001-01-01T00:00:00Z') WHERE tenant = ?`,
		tenantArgs, false, kinds(fsck.Chain)},
	{"the chain's end was moved", `UPDATE chains SET head = json_set(CAST(head AS TEXT), '$.Seq', 7), seq = 7 WHERE tenant = ?`, tenantArgs,
		false, kinds(fsck.Chain)},
	{"the log was followed beyond its end", `UPDATE followed SET seq = 1e6 WHERE 1 OR ?`, tenantArgs, true, kinds(fsck.Feed)},
	{"a tenant is lost", `INSERT INTO tallies VALUES (? || 'x', 'k', 1)`, tenantArgs, false, kinds(fsck.NoTenant)},
}

func kinds(k ...fsck.Kind) []fsck.Kind { return k }

// Each planted damage is found and, if it is derived, repaired; nothing is found before.
func TestDamageIsFound(t *testing.T) {
	t.Parallel()
	for _, d := range damages {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sqlite.Memory)
			x := sample.New(t, s.Ports())
			for _, f := range x.Check(false) {
				t.Errorf("before the damage: %s", f)
			}
			for query := range strings.SplitSeq(d.query, ";") {
				if err := s.Exec(query, d.args(x)...); err != nil {
					t.Fatal(err)
				}
			}
			x.Expect(d.repairable, d.kinds[0], d.kinds[1:]...)
		})
	}
}
