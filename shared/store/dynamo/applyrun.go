package dynamo

import (
	"context"

	"rollcall/shared/directory"
)

// People implements directory.ApplyRuns: a part holds the users whose ids have the same first random character.
func (s *Store) People(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, part int, from string, count int,
) ([]directory.UserView, string, error) {
	if !usable(string(p)) || part < 0 || part >= directory.RunRanges || count < 1 {
		return nil, "", nil
	}
	h := homeFor(t, p, false)
	first := "u" + idDigits[part:part+1]
	its, more, err := s.query(ctx, span{pk: h.users(), lo: after(escaper.Replace(max(from, first))), hi: first + "~", limit: count})
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

// Run implements directory.ApplyRuns.
func (s *Store) Run(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID) (directory.ApplyRun, error) {
	r, _, err := readRecord[directory.ApplyRun](ctx, s, "apply run", runKey(t, p, id), string(p), string(id))
	return r, err
}

// UpdateRun implements directory.ApplyRuns.
func (s *Store) UpdateRun(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, update directory.Update[directory.ApplyRun],
) (directory.ApplyRun, error) {
	if !usable(string(p)) || !usable(string(id)) {
		return directory.ApplyRun{}, notFound("apply run")
	}
	return updateRecord(ctx, s, t, "apply run", runKey(t, p, id), entryOptional, update)
}

// ListRuns implements directory.ApplyRuns.
func (s *Store) ListRuns(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.RunID, count int,
) ([]directory.ApplyRun, error) {
	if count < 1 || !usable(string(p)) {
		return nil, nil
	}
	its, err := s.newest(ctx, runs(t, p), "", "", escaper.Replace(string(before)), count)
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.ApplyRun](its)
}

// Ranges implements directory.ApplyRuns.
func (s *Store) Ranges(ctx context.Context, t directory.TenantID, id directory.RunID) ([]directory.RunRange, error) {
	return all[directory.RunRange](ctx, s, span{pk: ranges(t, id)})
}

// UpdateRange implements directory.ApplyRuns.
func (s *Store) UpdateRange(
	ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error),
) (directory.RunRange, error) {
	return rewriteRecord(ctx, s, "range of an apply run", rangeKey(t, id, n), update)
}

// PutPage implements directory.ApplyRuns.
func (s *Store) PutPage(ctx context.Context, t directory.TenantID, id directory.RunID, page directory.RunPage) error {
	it := item{"v": num(schemaVersion)}
	if err := putJSON(it, "r", page); err != nil {
		return err
	}
	return s.put(ctx, "put page of an apply run", key{pages(t, id), escaper.Replace(page.Key())}, it)
}

// Pages implements directory.ApplyRuns.
func (s *Store) Pages(ctx context.Context, t directory.TenantID, id directory.RunID, from string, count int) ([]directory.RunPage, error) {
	return page[directory.RunPage](ctx, s, span{pk: pages(t, id), lo: after(escaper.Replace(from)), limit: count})
}
