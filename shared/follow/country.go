package follow

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"rollcall/shared/directory"
)

// warnCountry stores the unknown country of an entry, and warns of it once for each value of a provider. The warning
// does not repeat the value, which may be a person's and must not outlive the person's erasure.
func (s *Service) warnCountry(ctx context.Context, t directory.TenantID, cause directory.LogEntry) error {
	i := slices.IndexFunc(cause.Changes, func(c directory.Change) bool { return c.Attr == directory.AttrUnknownCountry && c.After != nil })
	if i < 0 {
		return nil
	}
	var sent directory.SentCountry
	if err := json.Unmarshal(cause.Changes[i].After, &sent); err != nil {
		return nil //nolint:nilerr // erased since
	}
	if _, err := s.ports.Countries.CountryValue(ctx, t, sent.Provider, sent.Value); !directory.IsKind(err, directory.NotFound) {
		return err // nil: known
	}
	known, err := s.ports.Countries.CountryValues(ctx, t, sent.Provider, directory.MaxCountryValues)
	if err != nil || len(known) >= directory.MaxCountryValues {
		return err
	}
	_, err = s.ports.Countries.UpdateCountryValue(ctx, t, sent.Provider, sent.Value,
		func(old directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
			if old.Value != "" {
				return old, nil, nil
			}
			e := s.entry(fromEntry(cause), directory.CountryUnknown)
			e.Provider, e.Audit, e.Target = "", true, string(sent.Provider)
			return directory.CountryValue{Provider: sent.Provider, Value: sent.Value, FirstAt: e.At}, &e, nil
		})
	return err
}

// forgetCountry removes the unknown countries of an entry that is about to be erased, unless others have them.
func (s *Service) forgetCountry(ctx context.Context, t directory.TenantID, e directory.LogEntry) error {
	for _, c := range e.Changes {
		for _, text := range []json.RawMessage{c.Before, c.After} {
			var sent directory.SentCountry
			if c.Attr != directory.AttrUnknownCountry || json.Unmarshal(text, &sent) != nil || sent.Value == "" {
				continue
			}
			key := directory.CountryTally(sent)
			n, err := s.ports.Counts.Tallies(ctx, t, []string{key})
			if err == nil && n[key] <= 0 {
				_, err = s.ports.Countries.UpdateCountryValue(ctx, t, sent.Provider, sent.Value,
					func(directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
						return directory.CountryValue{}, nil, nil
					})
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	taskCountries = directory.TaskID(directory.JobCountries)
	// countryWalks is how often all users are looked at with a new table: the second time, a day later, finds users whom
	// a process with the old one wrote meanwhile.
	countryWalks, countryWalkEvery = 2, 24 * time.Hour
)

// CodeCountries gives a code to users whose country became known with the present table (rule C35). It ends early when
// stop returns true, and continues there the next time; several processes may run it at the same time.
func (s *Service) CodeCountries(ctx context.Context, stop func() bool) error {
	if s.rt.Country == nil || s.rt.CountryTable == nil {
		return nil
	}
	run := directory.EntryID(s.rt.CountryTable())
	return s.pass(ctx, directory.JobCountries, run, stop, func(t directory.Tenant) error { return s.codeCountries(ctx, t.ID, run, stop) })
}

func (s *Service) codeCountries(ctx context.Context, t directory.TenantID, run directory.EntryID, stop func() bool) error {
	task, err := s.ports.Tasks.Task(ctx, t, taskCountries)
	if err != nil {
		return err
	}
	if task.Run != run {
		task = directory.Task{}
	}
	if task.After == "" && (task.Done >= countryWalks || s.rt.Time().Sub(task.DoneAt) < countryWalkEvery) {
		return nil
	}
	return s.resume(ctx, t, taskCountries, run, directory.UserSearch{After: task.After}, stop, func(u directory.User) error {
		return s.codeCountry(ctx, t, u)
	})
}

func (s *Service) codeCountry(ctx context.Context, t directory.TenantID, u directory.User) error {
	if s.missingCountry(u) == "" {
		return nil
	}
	_, err := s.ports.Users.UpdateUser(ctx, t, u, func(old directory.User) (directory.User, *directory.LogEntry, error) {
		code := s.missingCountry(old)
		if code == "" {
			return old, nil, nil
		}
		n := old
		n.CountryCode = code
		return s.finish(fromJob(directory.JobCountries), old, n, directory.UserUpdated, directory.NewChange("countryCode", nil, code))
	})
	return directory.IgnoreNotFound(err)
}

// missingCountry returns the code of the user's country if the user lacks it.
func (s *Service) missingCountry(u directory.User) string {
	if u.CountryCode != "" {
		return ""
	}
	name := directory.CountryName(u.Attributes)
	if name == "" {
		return ""
	}
	return s.rt.Country(name)
}
