package dynamo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// organization reads an organization and its revision, 0 when there is none.
func (s *Store) organization(
	ctx context.Context, t directory.TenantID, id directory.OrgID,
) (o directory.Organization, rev int64, err error) {
	if !schema.Usable(string(id)) {
		return o, 0, nil
	}
	rev, err = s.record(ctx, schema.OrganizationKey(t, id), &o)
	return o, rev, err
}

func organizationTaken(old item) error {
	return &directory.TakenError{Attr: "name", Holder: text(old, "id")}
}

// rename adds the difference between the name guards of old and o.
func (x *tx) rename(s *Store, t directory.TenantID, old, o directory.Organization) {
	var was []string
	if old.ID != "" {
		was = old.NameKeys()
	}
	is := o.NameKeys()
	for _, k := range was {
		if !slices.Contains(is, k) {
			x.delete(s, schema.OrganizationName(t, k), always, nil)
		}
	}
	for i, k := range is {
		if !slices.Contains(was, k) && !slices.Contains(is[:i], k) {
			x.put(s, schema.OrganizationName(t, k), item{"id": str(string(o.ID))}, absent, organizationTaken)
		}
	}
}

// organizationStore implements directory.Organizations.
type organizationStore struct{ *Store }

func (s organizationStore) CreateOrganization(
	ctx context.Context, t directory.TenantID, o directory.Organization, q *directory.Quota, e directory.LogEntry,
) error {
	x := &tx{}
	x.putRecord(s.Store, schema.OrganizationKey(t, o.ID), o, 0)
	x.ops[len(x.ops)-1].fail = conflict("the organization's id is taken")
	x.rename(s.Store, t, directory.Organization{}, o)
	if q != nil {
		c := when("attribute_not_exists(#n) OR #n < :max", item{":max": num(q.Max)})
		x.update(s.Store, schema.QuotaKey(t, q.Key), edit{add: map[string]int64{"n": 1}}, c, func(item) error {
			return directory.Errorf(directory.TooMany, "no more organizations are created today")
		})
	}
	x.log(s.Store, t, e, remainder{})
	return s.commitOnce(ctx, "create organization", x)
}

func (s organizationStore) UpdateOrganization(
	ctx context.Context, t directory.TenantID, id directory.OrgID, update directory.Update[directory.Organization],
) (o directory.Organization, err error) {
	err = s.rerun(ctx, "organization", func(int) error {
		old, rev, err := s.organization(ctx, t, id)
		if err == nil && rev == 0 {
			err = notFound("organization")
		}
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if o, e, err = update(old); err != nil || e == nil {
			o = old
			return err
		}
		x := &tx{}
		x.putRecord(s.Store, schema.OrganizationKey(t, id), o, rev)
		x.rename(s.Store, t, old, o)
		x.log(s.Store, t, *e, remainder{})
		return s.commit(ctx, "update organization", x)
	})
	return o, err
}

func (s organizationStore) OrganizationsByID(
	ctx context.Context, t directory.TenantID, ids []directory.OrgID,
) (map[directory.OrgID]directory.Organization, error) {
	keys := map[schema.Key]bool{}
	for _, id := range ids {
		if schema.Usable(string(id)) {
			keys[schema.OrganizationKey(t, id)] = true
		}
	}
	got, err := s.get(ctx, slices.Collect(maps.Keys(keys))...)
	if err != nil {
		return nil, err
	}
	out := make(map[directory.OrgID]directory.Organization, len(got))
	for _, it := range got {
		var o directory.Organization
		if err := errors.Join(checkVersion(it), getJSON(it, "r", &o)); err != nil {
			return nil, err
		}
		out[o.ID] = o
	}
	return out, nil
}

func (s organizationStore) OrganizationByName(ctx context.Context, t directory.TenantID, name string) (directory.Organization, error) {
	it, err := s.getOne(ctx, schema.OrganizationName(t, name))
	if err != nil {
		return directory.Organization{}, err
	}
	o, rev, err := s.organization(ctx, t, directory.OrgID(text(it, "id")))
	if err == nil && rev == 0 {
		err = notFound("organization")
	}
	return o, err
}

func (s organizationStore) ListOrganizations(
	ctx context.Context, t directory.TenantID, from directory.OrgID, count int,
) ([]directory.Organization, error) {
	return page[directory.Organization](ctx, s.Store, span{pk: schema.Organizations(t), lo: after(schema.Escape(string(from))), limit: count})
}
