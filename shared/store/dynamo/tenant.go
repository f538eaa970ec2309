package dynamo

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// tenantStore implements directory.Tenants.
type tenantStore struct{ *Store }

func (s tenantStore) CreateTenant(ctx context.Context, t directory.Tenant, e directory.LogEntry) error {
	it := item{"v": num(schemaVersion), "rev": num(1)}
	if err := putJSON(it, "r", t); err != nil {
		return err
	}
	x := &tx{}
	x.put(s.Store, schema.TenantKey(t.ID), it, absent, func(item) error { return directory.ErrTenantTaken() })
	x.update(s.Store, schema.RulesKey(t.ID), edit{set: item{schema.NamingAttr: num(0)}}, always, nil)
	x.log(s.Store, t.ID, e, remainder{})
	return s.commitOnce(ctx, "create tenant", x)
}

func (s tenantStore) Tenant(ctx context.Context, id directory.TenantID) (directory.Tenant, error) {
	t, _, err := readRecord[directory.Tenant](ctx, s.Store, "tenant", schema.TenantKey(id), string(id))
	return t, err
}

func (s tenantStore) ListTenants(ctx context.Context, from directory.TenantID, count int) ([]directory.Tenant, error) {
	return page[directory.Tenant](ctx, s.Store, span{pk: schema.Tenants, lo: after(schema.Escape(string(from))), limit: count})
}

func (s tenantStore) UpdateTenant(
	ctx context.Context, id directory.TenantID, update directory.Update[directory.Tenant],
) (directory.Tenant, error) {
	if !schema.Usable(string(id)) {
		return directory.Tenant{}, notFound("tenant")
	}
	return updateRecord(ctx, s.Store, id, "tenant", schema.TenantKey(id), mustExist|entryOptional, update)
}

func (s tenantStore) RemoveTenant(ctx context.Context, id directory.TenantID, e directory.LogEntry) error {
	if !schema.Usable(string(id)) {
		return notFound("tenant")
	}
	x := &tx{}
	x.delete(s.Store, schema.TenantKey(id), exists, func(item) error { return notFound("tenant") })
	x.log(s.Store, directory.OperatorScope, e, remainder{})
	return s.commitOnce(ctx, "remove tenant", x)
}

// EraseTenant implements directory.Tenants: a position is a partition. What no record leads to, such as former userNames,
// is left to EraseRest.
func (s tenantStore) EraseTenant(ctx context.Context, id directory.TenantID, after string) (next string, n int, err error) {
	if !schema.Usable(string(id)) {
		return "", 0, notFound("tenant")
	}
	all, err := s.partsOf(ctx, id)
	if err != nil {
		return "", 0, err
	}
	e := &eraser{Store: s.Store, left: s.erases}
	from := max(0, slices.IndexFunc(all, func(p part) bool { return p.pk == after }))
	for _, p := range all[from:] {
		if empty, err := e.drain(ctx, p); err != nil || !empty {
			return p.pk, e.erased, err
		}
	}
	return "", e.erased, nil
}

// EraseRest implements directory.Tenants. It scans the whole table, a megabyte per step, so that it misses no kind of
// item newer than EraseTenant. It runs rarely, and in the background.
func (s tenantStore) EraseRest(
	ctx context.Context, ids []directory.TenantID, after string,
) (next string, found map[directory.TenantID]int, err error) {
	in := &dynamodb.ScanInput{TableName: &s.table, ConsistentRead: aws.Bool(true), ProjectionExpression: aws.String("PK, SK")}
	if after != "" {
		var at [2]string
		if err := json.Unmarshal([]byte(after), &at); err != nil {
			return "", nil, fmt.Errorf("read position: %w", err)
		}
		in.ExclusiveStartKey = schema.Key{PK: at[0], SK: at[1]}.Item()
	}
	out, err := s.client.Scan(ctx, in)
	if err != nil {
		return "", nil, fault("erase tenants", err)
	}
	of := map[string]directory.TenantID{}
	for _, id := range ids {
		of[schema.Escape(string(id))] = id
	}
	var keys []schema.Key
	found = map[directory.TenantID]int{}
	for _, it := range out.Items {
		k := keyOf(it)
		if tenant, _, inside := strings.Cut(k.PK, "#"); inside && of[tenant] != "" {
			keys = append(keys, k)
			found[of[tenant]]++
		}
	}
	if err := s.erase(ctx, "erase tenants", keys); err != nil || len(out.LastEvaluatedKey) == 0 {
		return "", found, err
	}
	b, err := json.Marshal([2]string{text(out.LastEvaluatedKey, "PK"), text(out.LastEvaluatedKey, "SK")})
	return string(b), found, err
}
