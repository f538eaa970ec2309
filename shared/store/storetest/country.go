package storetest

import (
	"errors"
	"strings"

	"rollcall/shared/directory"
)

var countryChapter = []promise{
	{"reports/each value of a provider is kept once", countryValues},
}

func (w *world) tryCountry(value string) (directory.CountryValue, error) {
	return w.Countries.UpdateCountryValue(w.ctx, w.tenant, w.p, value,
		func(old directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
			if old.Value != "" {
				return old, nil, nil
			}
			e := w.adminEntry(directory.CountryUnknown, string(w.p))
			return directory.CountryValue{Provider: w.p, Value: value, FirstAt: e.At}, &e, nil
		})
}

func (w *world) putCountry(value string) directory.CountryValue {
	w.Helper()
	v, err := w.tryCountry(value)
	w.must(err)
	return v
}

func countryValues(w *world) {
	values := []string{"Atlantis", "atlantis", "Ätlantis #/ <&>", strings.Repeat("ä", 100)}
	want := map[string]directory.CountryValue{}
	for _, v := range values {
		want[v] = w.putCountry(v)
	}
	entries := len(w.log(directory.LogQuery{}))
	w.must(errors.Join(race(racers, func(int) error { _, err := w.tryCountry("Atlantis"); return err })...))
	w.equal("entries of a known value", len(w.log(directory.LogQuery{})), entries)
	w.must(errors.Join(race(racers, func(int) error { _, err := w.tryCountry("new"); return err })...))
	w.equal("entries of a race for one value", len(w.log(directory.LogQuery{})), entries+1)
	want["new"] = w.putCountry("new")
	vs, err := w.Countries.CountryValues(w.ctx, w.tenant, w.p, 100)
	w.must(err)
	got := map[string]directory.CountryValue{}
	for _, v := range vs {
		got[v.Value] = v
	}
	w.equal("values", got, want)
	_, err = w.Countries.UpdateCountryValue(w.ctx, w.tenant, w.p, "new",
		func(directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
			return directory.CountryValue{}, nil, nil
		})
	w.must(err)
	if v, err := w.Countries.CountryValue(w.ctx, w.tenant, w.p, "new"); !directory.IsKind(err, directory.NotFound) {
		w.Errorf("a removed value is %+v, %v", v, err)
	}
	some, err := w.Countries.CountryValues(w.ctx, w.tenant, w.p, 2)
	w.must(err)
	none, err := w.Countries.CountryValues(w.ctx, w.tenant, w.provider("Other"), 2)
	w.must(err)
	if len(vs) != len(want) || len(some) != 2 || len(none) != 0 {
		w.Errorf("%d values, %d of at most 2, %d of another provider", len(vs), len(some), len(none))
	}
}

func (x intruder) countriesRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"Countries.CountryValues": func() {
			got, err := x.Countries.CountryValues(ctx, t, v.p, 10)
			x.empty("CountryValues", len(got), err)
		},
		"Countries.UpdateCountryValue": func() {
			_, err := x.Countries.UpdateCountryValue(ctx, t, v.p, "Atlantis",
				func(c directory.CountryValue) (directory.CountryValue, *directory.LogEntry, error) {
					x.equal("passed to update", c, directory.CountryValue{})
					return c, nil, nil
				})
			x.must(err)
		},
		"Countries.CountryValue": func() {
			_, err := x.Countries.CountryValue(ctx, t, v.p, "Atlantis")
			x.notFound("CountryValue", err)
		},
	}
}
