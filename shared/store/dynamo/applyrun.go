package dynamo

import (
	"context"

	"rollcall/shared/directory"
	"rollcall/shared/store/dynamo/schema"
)

// applyRunStore implements directory.ApplyRuns.
type applyRunStore struct{ *Store }

// People implements directory.ApplyRuns: a part holds the users whose ids have the same first random character.
func (s applyRunStore) People(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, part int, from string, count int,
) ([]directory.UserView, string, error) {
	if !schema.Usable(string(p)) || part < 0 || part >= directory.RunRanges || count < 1 {
		return nil, "", nil
	}
	h := schema.HomeFor(t, p, false)
	first := "u" + idDigits[part:part+1]
	its, more, err := s.query(ctx, span{pk: h.Users(), lo: after(schema.Escape(max(from, first))), hi: first + "~", limit: count})
	if err != nil || len(its) == 0 {
		return nil, "", err
	}
	us := make([]directory.User, 0, len(its))
	for _, it := range its {
		u, ok, err := decodeUser(it)
		if err != nil {
			return nil, "", err
		}
		if ok { // not an alias
			us = append(us, u)
		}
	}
	vs, err := s.views(ctx, h, us, directory.UserWant{Groups: true})
	if !more {
		return vs, "", err
	}
	return vs, text(its[len(its)-1], "SK"), err
}

func (s applyRunStore) Run(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID,
) (directory.ApplyRun, error) {
	r, _, err := readRecord[directory.ApplyRun](ctx, s.Store, "apply run", schema.RunKey(t, p, id), string(p), string(id))
	return r, err
}

func (s applyRunStore) UpdateRun(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, update directory.Update[directory.ApplyRun],
) (directory.ApplyRun, error) {
	if !schema.Usable(string(p)) || !schema.Usable(string(id)) {
		return directory.ApplyRun{}, notFound("apply run")
	}
	return updateRecord(ctx, s.Store, t, "apply run", schema.RunKey(t, p, id), entryOptional, update)
}

func (s applyRunStore) ListRuns(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.RunID, count int,
) ([]directory.ApplyRun, error) {
	if count < 1 || !schema.Usable(string(p)) {
		return nil, nil
	}
	its, err := s.newest(ctx, schema.Runs(t, p), "", "", schema.Escape(string(before)), count)
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.ApplyRun](its)
}

func (s applyRunStore) Ranges(ctx context.Context, t directory.TenantID, id directory.RunID) ([]directory.RunRange, error) {
	return all[directory.RunRange](ctx, s.Store, span{pk: schema.Ranges(t, id)})
}

func (s applyRunStore) UpdateRange(
	ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	return rewriteRecord(ctx, s.Store, "range of an apply run", schema.RangeKey(t, id, n), update)
}

func (s applyRunStore) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, page directory.RunPage) error {
	it := item{"v": num(schemaVersion)}
	if err := putJSON(it, "r", page); err != nil {
		return err
	}
	return s.put(ctx, "put page of an apply run", schema.Key{PK: schema.Pages(t, id), SK: schema.Escape(page.Key())}, it)
}

func (s applyRunStore) Pages(
	ctx context.Context, t directory.TenantID, id directory.RunID, from string, count int,
) ([]directory.RunPage, error) {
	return page[directory.RunPage](ctx, s.Store, span{pk: schema.Pages(t, id), lo: after(schema.Escape(from)), limit: count})
}
