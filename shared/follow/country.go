package follow

import (
	"context"
	"encoding/json"
	"slices"

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
