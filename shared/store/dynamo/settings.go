package dynamo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rollcall/shared/directory"
)

// updateRecord replaces a JSON record by update(old) with its entry; without one it stores nothing. A record
// that gone reports is removed.
func updateRecord[T any](ctx context.Context, s *Store, t directory.TenantID, what string, k key, gone func(T) bool, update func(T) (T, *directory.LogEntry, error)) (v T, err error) {
	err = s.rerun(ctx, what, func(int) error {
		var old T
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if v, e, err = update(old); err != nil || e == nil {
			v = old
			return err
		}
		x := &tx{}
		if gone(v) {
			x.delete(s, k, when("#rev = :rev", item{":rev": num(rev)}), nil)
		} else {
			x.putRecord(s, k, v, rev)
		}
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update "+what, x)
	})
	return v, err
}

// Catalogue implements directory.Settings.
func (s *Store) Catalogue(ctx context.Context, t directory.TenantID) (c directory.Catalogue, err error) {
	_, err = s.record(ctx, catalogueKey(t), &c)
	return c, err
}

// UpdateCatalogue implements directory.Settings.
func (s *Store) UpdateCatalogue(ctx context.Context, t directory.TenantID, update func(directory.Catalogue) (directory.Catalogue, *directory.LogEntry, error)) (directory.Catalogue, error) {
	return updateRecord(ctx, s, t, "roles", catalogueKey(t), func(directory.Catalogue) bool { return false }, update)
}

// Mappings implements directory.Settings.
func (s *Store) Mappings(ctx context.Context, t directory.TenantID, p directory.ProviderID) (m directory.Mappings, err error) {
	if !usable(string(p)) {
		return m, nil
	}
	_, err = s.record(ctx, mappingsKey(t, p), &m)
	return m, err
}

// UpdateMappings implements directory.Settings.
func (s *Store) UpdateMappings(ctx context.Context, t directory.TenantID, id directory.ProviderID, update func(directory.Provider, directory.Mappings) (directory.Provider, directory.Mappings, *directory.LogEntry, error)) (p directory.Provider, m directory.Mappings, err error) {
	err = s.rerun(ctx, "mappings", func(int) error {
		old, rev, err := s.provider(ctx, t, id)
		if err != nil {
			return err
		}
		var was directory.Mappings
		mrev, err := s.record(ctx, mappingsKey(t, id), &was)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if p, m, e, err = update(old, was); err != nil || e == nil {
			p, m = old, was
			return err
		}
		it, err := encodeProvider(p, rev+1)
		if err != nil {
			return err
		}
		x := &tx{}
		x.put(s, providerKey(t, id), it, when("#rev = :rev", item{":rev": num(rev)}), nil)
		x.putRecord(s, mappingsKey(t, id), m, mrev)
		x.log(s, t, *e, rest{})
		return s.commit(ctx, "update mappings", x)
	})
	return p, m, err
}

// Watchlists implements directory.Settings.
func (s *Store) Watchlists(ctx context.Context, t directory.TenantID) ([]directory.Watchlist, error) {
	its, _, err := s.query(ctx, span{pk: watchlists(t)})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.Watchlist](its)
}

// UpdateWatchlist implements directory.Settings.
func (s *Store) UpdateWatchlist(ctx context.Context, t directory.TenantID, id directory.WatchlistID, update func(directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error)) (directory.Watchlist, error) {
	if !usable(string(id)) {
		return directory.Watchlist{}, notFound("watchlist")
	}
	return updateRecord(ctx, s, t, "watchlist", watchlistKey(t, id), func(w directory.Watchlist) bool { return w.ID == "" }, update)
}

// UpdateCountryValue implements directory.Reports.
func (s *Store) UpdateCountryValue(ctx context.Context, t directory.TenantID, p directory.ProviderID, value string, update func(directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error)) (directory.CountryValue, error) {
	return updateRecord(ctx, s, t, "country", countryKey(t, p, value), func(directory.CountryValue) bool { return false }, update)
}

// CountryValues implements directory.Reports.
func (s *Store) CountryValues(ctx context.Context, t directory.TenantID, p directory.ProviderID, count int) ([]directory.CountryValue, error) {
	if count < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: countries(t, p), limit: count})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.CountryValue](its)
}

// People implements directory.ApplyRuns: a part is the users whose ids have one first random character.
func (s *Store) People(ctx context.Context, t directory.TenantID, p directory.ProviderID, part int, from string, count int) ([]directory.UserView, string, error) {
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
		if ok { // no alias
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
func (s *Store) Run(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID) (r directory.ApplyRun, err error) {
	if usable(string(p)) && usable(string(id)) {
		_, err = s.record(ctx, runKey(t, p, id), &r)
	}
	if err == nil && r.ID == "" {
		err = notFound("apply run")
	}
	return r, err
}

// UpdateRun implements directory.ApplyRuns.
func (s *Store) UpdateRun(ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.RunID, update func(directory.ApplyRun) (directory.ApplyRun, *directory.LogEntry, error)) (r directory.ApplyRun, err error) {
	if !usable(string(p)) || !usable(string(id)) {
		return r, notFound("apply run")
	}
	err = s.rerun(ctx, "apply run", func(int) error {
		var old directory.ApplyRun
		rev, err := s.record(ctx, runKey(t, p, id), &old)
		if err != nil {
			return err
		}
		var e *directory.LogEntry
		if r, e, err = update(old); err != nil || r == old {
			return err
		}
		x := &tx{}
		x.putRecord(s, runKey(t, p, id), r, rev)
		if e != nil {
			x.log(s, t, *e, rest{})
		}
		return s.commit(ctx, "update apply run", x)
	})
	return r, err
}

// ListRuns implements directory.ApplyRuns.
func (s *Store) ListRuns(ctx context.Context, t directory.TenantID, p directory.ProviderID, before directory.RunID, count int) ([]directory.ApplyRun, error) {
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
	its, _, err := s.query(ctx, span{pk: ranges(t, id)})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.RunRange](its)
}

// UpdateRange implements directory.ApplyRuns.
func (s *Store) UpdateRange(ctx context.Context, t directory.TenantID, id directory.RunID, n int, update func(directory.RunRange) (directory.RunRange, error)) (r directory.RunRange, err error) {
	k := rangeKey(t, id, n)
	err = s.rerun(ctx, "range of an apply run", func(int) error {
		var old directory.RunRange
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		if r, err = update(old); err != nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, k, r, rev)
		return s.commit(ctx, fmt.Sprintf("update range %d", n), x)
	})
	return r, err
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
	if count < 1 {
		return nil, nil
	}
	its, _, err := s.query(ctx, span{pk: pages(t, id), lo: after(escaper.Replace(from)), limit: count})
	if err != nil {
		return nil, err
	}
	return decodeRecords[directory.RunPage](its)
}

// Task implements directory.Tasks.
func (s *Store) Task(ctx context.Context, t directory.TenantID, id string) (k directory.Task, err error) {
	_, err = s.record(ctx, taskKey(t, id), &k)
	return k, err
}

// UpdateTask implements directory.Tasks.
func (s *Store) UpdateTask(ctx context.Context, t directory.TenantID, id string, update func(directory.Task) directory.Task) error {
	return rewriteRecord(ctx, s, "task", taskKey(t, id), update)
}

// rewriteRecord replaces a record by update(old), without an entry; old is zero when there is none.
func rewriteRecord[T any](ctx context.Context, s *Store, what string, k key, update func(T) T) error {
	return s.rerun(ctx, what, func(int) error {
		var old T
		rev, err := s.record(ctx, k, &old)
		if err != nil {
			return err
		}
		x := &tx{}
		x.putRecord(s, k, update(old), rev)
		return s.commit(ctx, "rewrite "+what, x)
	})
}

// AddAlias implements directory.Aliases.
func (s *Store) AddAlias(ctx context.Context, t directory.TenantID, alias string, id directory.UserID, until time.Time) error {
	x := &tx{}
	x.update(s, aliasKey(t, alias, id), edit{set: item{"until": num(until.UnixMilli()), "ttl": num(until.Unix())}},
		when("attribute_not_exists(#until) OR #until < :new", item{":new": num(until.UnixMilli())}), func(item) error { return errDone })
	if err := s.commit(ctx, "add alias", x); !errors.Is(err, errDone) {
		return err
	}
	return nil
}

// AliasesOf implements directory.Aliases.
func (s *Store) AliasesOf(ctx context.Context, t directory.TenantID, alias string, now time.Time, count int) ([]directory.UserID, error) {
	its, _, err := s.query(ctx, span{pk: aliasKey(t, alias, "").pk})
	var ids []directory.UserID
	for _, it := range its {
		if !timeOf(it, "until").Before(now) && len(ids) < count {
			ids = append(ids, directory.UserID(text(it, "SK")))
		}
	}
	return ids, err
}

// AddUsage implements directory.Usages.
func (s *Store) AddUsage(ctx context.Context, t directory.TenantID, p directory.ProviderID, u directory.Usage) error {
	return rewriteRecord(ctx, s, "usage", usageKey(t, p), func(old directory.Usage) directory.Usage { return old.And(u) })
}

// Usage implements directory.Usages.
func (s *Store) Usage(ctx context.Context, t directory.TenantID, p directory.ProviderID) (u directory.Usage, err error) {
	_, err = s.record(ctx, usageKey(t, p), &u)
	return u, err
}
