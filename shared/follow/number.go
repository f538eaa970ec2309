package follow

import (
	"context"
	"slices"

	"rollcall/shared/directory"
)

// number returns the batch with the numbers of entries of groups, which come before every step: the events have them, and
// so have the hashes that seal the entries. It also returns which entries have no steps, because they cannot be read or
// numbered.
func (s *Service) number(ctx context.Context, batch []directory.TenantEntry) (out []directory.TenantEntry, failed []Failure) {
	out = slices.Clone(batch)
	of := map[directory.TenantID][]int{} // entries to be numbered, by their places
	var tenants []directory.TenantID
	for i, e := range out {
		switch {
		case e.Unreadable != nil:
			failed = append(failed, Failure{i, "", e.Unreadable})
		case e.Entry.Unnumbered:
			if of[e.Tenant] == nil {
				tenants = append(tenants, e.Tenant)
			}
			of[e.Tenant] = append(of[e.Tenant], i)
		}
	}
	for _, t := range tenants {
		es := make([]directory.LogEntry, len(of[t]))
		for k, i := range of[t] {
			es[k] = out[i].Entry
		}
		es, err := s.ports.Log.NumberEntries(ctx, t, es)
		for k, i := range of[t] {
			if out[i].Entry = es[k]; err != nil && es[k].Unnumbered {
				failed = append(failed, Failure{i, "", err})
			}
		}
	}
	return out, failed
}

// busy returns the error of an entry that could not be numbered for now.
func busy(failed []Failure, at int) error {
	i := slices.IndexFunc(failed, func(f Failure) bool {
		return f.At == at && f.Step == "" && directory.IsKind(f.Err, directory.Unavailable)
	})
	if i < 0 {
		return nil
	}
	return failed[i].Err
}
