package dynamo

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"rollcall/shared/directory"
	"rollcall/shared/random"
	"rollcall/shared/store/dynamo/meter"
	"rollcall/shared/store/dynamo/schema"
)

func TestPackedIDsComeBack(t *testing.T) {
	t.Parallel()
	ids := []directory.ScimID{
		directory.ScimID("u" + strings.Repeat("0", 25)), directory.ScimID("g" + strings.Repeat("v", 25)), "u0123456789abcdefghijklmno",
	}
	for range 200 {
		ids = append(ids, directory.ScimID("u"+random.ID()), directory.ScimID("g"+random.ID()))
	}
	b, ok := packIDs(ids)
	if !ok || len(b) != packed*len(ids) {
		t.Fatalf("packed: %v, %d bytes", ok, len(b))
	}
	if got := unpackIDs(b); !slices.Equal(got, ids) {
		t.Errorf("got %v, want %v", got, ids)
	}
	if _, ok := packIDs([]directory.ScimID{"u0123456789abcdefghijklmnw"}); ok {
		t.Error("a text that is no id was packed")
	}
}

// TestLargestEntryFits: 10,000 members join and 10,000 leave in one entry, and an item holds 400 KB.
func TestLargestEntryFits(t *testing.T) {
	t.Parallel()
	e := directory.LogEntry{ID: "e", At: time.Now(), Group: "g", Action: directory.MembersChanged}
	for range directory.MaxMemberChange {
		e.Added = append(e.Added, directory.ScimID("u"+random.ID()))
		e.Removed = append(e.Removed, directory.ScimID("u"+random.ID()))
	}
	it := encodeEntry("default", e, remainder{})
	if size := meter.ItemSize(it); size > 350*1024 {
		t.Errorf("the largest entry takes %d bytes", size)
	}
	back, err := decodeEntry(it)
	if err != nil || !slices.Equal(back.Added, e.Added) || !slices.Equal(back.Removed, e.Removed) {
		t.Errorf("the decoded entry differs: %v", err)
	}
}

func TestNewerRecordsAreRefused(t *testing.T) {
	t.Parallel()
	newer := item{"SK": str("u1"), "v": num(schemaVersion + 1), "e": str("{}"), "r": str("{}"), "name": str("n")}
	_, _, user := decodeUser(newer)
	_, group := decodeGroups("p", []item{newer})
	_, provider := decodeProvider(newer)
	_, tenant := decodeRecords[directory.Tenant]([]item{newer})
	_, entry := decodeEntry(newer)
	for noun, err := range map[string]error{"user": user, "group": group, "provider": provider, "tenant": tenant, "entry": entry} {
		if err == nil || directory.KindOf(err) != directory.Internal {
			t.Errorf("%s of a newer program: got %v, want an Internal error", noun, err)
		}
	}
	delete(newer, "v") // as written by the first version of the program
	if _, _, err := decodeUser(newer); err != nil {
		t.Errorf("an older user: %v", err)
	}
}

// TestKeysKeepTenantsApart: no part of a key can end where another tenant's, provider's or list's begins.
func TestKeysKeepTenantsApart(t *testing.T) {
	t.Parallel()
	h := schema.HomeFor("default", "p#U", false)
	if h == schema.HomeFor("default", "p", false) || strings.Count(h.Users(), "#") != 2 {
		t.Errorf("a provider's id reaches another list: %s", h.Users())
	}
	if got := schema.HomeFor("default", "p~", false); got == schema.HomeFor("default", "p", true) {
		t.Errorf("a provider's id reaches deleted users: %s", got)
	}
	if k := schema.HomeFor("default", "p", false).Group("g#S0"); strings.Contains(k.SK, "#") {
		t.Errorf("a group's id reaches a shard: %s", k.SK)
	}
	if tt, ok := schema.TenantOfLog(schema.LogShard("default", "defaultabcde", "20260102", 3)); !ok || tt != "default" {
		t.Errorf("tenant of a log entry: %q, %v", tt, ok)
	}
	for _, pk := range []string{h.Users(), schema.LogDays("default", "p"), schema.Tenants, schema.Providers("default")} {
		if _, ok := schema.TenantOfLog(pk); ok {
			t.Errorf("%s was taken for a log entry", pk)
		}
	}
}

// TestTotalShardsAreRanges: the shards of a total are consecutive ranges of ids, and each begins at its shardStart.
func TestTotalShardsAreRanges(t *testing.T) {
	t.Parallel()
	last := 0
	for _, c := range idDigits {
		id := "u" + string(c) + strings.Repeat("0", 24)
		shard := schema.TotalShard(id)
		if shard < last || shard > last+1 || id < schema.ShardStart('u', shard) ||
			shard+1 < schema.UserShards && id >= schema.ShardStart('u', shard+1) {
			t.Errorf("%s is in shard %d, after %d", id, shard, last)
		}
		last = shard
	}
	if last != schema.UserShards-1 {
		t.Errorf("the last id is in shard %d", last)
	}
}

func TestErrorsOfTheServiceHaveKinds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err   error
		want  directory.Kind
		alarm bool
	}{
		{&types.ProvisionedThroughputExceededException{}, directory.Unavailable, false},
		{&types.RequestLimitExceeded{}, directory.Unavailable, false},
		{&smithy.GenericAPIError{Code: "ThrottlingException"}, directory.Unavailable, false},
		{&types.TransactionInProgressException{}, directory.Unavailable, false},
		{&types.InternalServerError{}, directory.Unavailable, true},
		{&smithy.OperationError{ServiceID: "DynamoDB", Err: errors.New("connection refused")}, directory.Unavailable, true},
		{&aws.RequestCanceledError{Err: context.Canceled}, directory.Unavailable, false},
		{&aws.RequestCanceledError{Err: context.DeadlineExceeded}, directory.Unavailable, true},
		{&smithy.OperationError{ServiceID: "DynamoDB", Err: &types.ResourceNotFoundException{}}, directory.Internal, true},
		{&smithy.GenericAPIError{Code: "ValidationException"}, directory.Internal, true},
	} {
		got := fault("try", c.err)
		if directory.KindOf(got) != c.want || directory.IsFault(got) != c.alarm {
			t.Errorf("%v: got kind %v, want %v; a fault: %v, want %v", c.err, directory.KindOf(got), c.want, directory.IsFault(got), c.alarm)
		}
	}
}

// TestFailureOfATransaction: a lock is reported before staleness, and staleness before a taken name; a conflict with
// another transaction alone is not a failure.
func TestFailureOfATransaction(t *testing.T) {
	t.Parallel()
	taken := errors.New("taken")
	x := &tx{ops: []op{{fail: func(item) error { return taken }}, {}, {fail: shardFault("default")}}}
	reason := func(codes ...string) *types.TransactionCanceledException {
		out := &types.TransactionCanceledException{}
		for i, code := range codes {
			r := types.CancellationReason{Code: aws.String(code)}
			if i == 2 {
				r.Item = item{"lock": str("a b")}
			}
			out.CancellationReasons = append(out.CancellationReasons, r)
		}
		return out
	}
	const no, failed, met = "None", "ConditionalCheckFailed", "TransactionConflict"
	for want, codes := range map[string][]string{
		"<nil>": {no, met, no}, "taken": {failed, met, no}, errStale.Error(): {failed, failed, met},
		(&lockedError{}).Error(): {failed, failed, failed},
	} {
		if got := fmt.Sprint(x.failure("try", reason(codes...))); got != want {
			t.Errorf("%v: got %s, want %s", codes, got, want)
		}
	}
	if err := x.failure("try", reason("ValidationError", no, no)); directory.KindOf(err) != directory.Internal || err == nil {
		t.Errorf("a transaction that is wrong: got %v", err)
	}
}

// A record from before mappings existed is read as a provider without mappings, others unchanged.
func TestProvidersFromBeforeMappings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]directory.Provider{
		`{"ID":"p","DisplayName":"Old"}`: {
			ID: "p", DisplayName: "Old", OrgMapping: directory.OrgSettings{Method: directory.OrgSingle, Org: directory.DefaultOrg},
			RoleMapping: directory.RoleSettings{Mode: directory.RolesManual},
		},
		`{"ID":"p","OrgMapping":{"Method":"groups","Org":"o1"},"RoleMapping":{"Mode":"groups","Strict":true}}`: {
			ID: "p", OrgMapping: directory.OrgSettings{Method: directory.OrgGroups, Org: "o1"},
			RoleMapping: directory.RoleSettings{Mode: directory.RolesGroups, Strict: true},
		},
		"": {},
	} {
		it := item{"v": num(schemaVersion), "r": str(text)}
		if text == "" {
			it = nil
		}
		if got, err := decodeProvider(it); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s is read as %+v, %v", text, got, err)
		}
	}
}
