package adminapi

import (
	"strconv"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func reportRoutes() []route {
	return []route{
		{Route{get, "/reports/drift", "reportDrift", readers}, reportQuery, report(directory.ReportDrift)},
		{Route{get, "/reports/overrides", "reportOverrides", readers}, reportQuery, report(directory.ReportOverrides)},
		{Route{get, "/reports/stale", "reportStale", readers}, append([]string{"days"}, reportQuery...), report(directory.ReportStale)},
		{Route{get, "/reports/country-values", "listCountryValues", readers}, []string{"provider"}, (*request).listCountryValues},
	}
}

type reportRow struct {
	User  user              `json:"user"`
	Kinds []directory.Drift `json:"kinds"`
	Since *instant          `json:"since,omitempty"`
	Days  *int              `json:"days,omitempty"`
}

// report returns the operation that reads a page of a report.
func report(kind directory.Report) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		now := r.api.svc.Now()
		q := directory.UserSearch{Report: kind}
		if kind == directory.ReportStale {
			days, err := r.daysQuery(90)
			if err != nil {
				return answer{}, err
			}
			q.Before = now.AddDate(0, 0, -days)
		}
		var err error
		if q.Provider, err = r.ownProvider(); err != nil {
			return answer{}, err
		}
		if q.After, q.Count, err = r.pageQuery(); err != nil {
			return answer{}, err
		}
		us, next, err := r.as().Users.Search(r.ctx(), q)
		if err != nil {
			return answer{}, err
		}
		barred, err := r.as().Organizations.Barred(r.ctx(), us...)
		return answer{body: page[reportRow]{NextCursor: r.cursor(next), Items: mapSlice(us, func(u directory.User) reportRow {
			kinds, since := kind.Row(u, q.Before)
			row := reportRow{User: viewUser(u, barred[u.OrgID]), Kinds: kinds, Since: timeOrNil(since)}
			if row.Since != nil {
				days := int(now.Sub(since) / (24 * time.Hour))
				row.Days = &days
			}
			return row
		})}}, err
	}
}

// daysQuery returns the parameter days.
func (r *request) daysQuery(byDefault int) (int, error) {
	if !r.query.Has("days") {
		return byDefault, nil
	}
	n, err := strconv.Atoi(r.query.Get("days"))
	if err != nil || n < 1 || n > 3650 {
		return 0, invalid(fieldError{"days", "days must be a whole number from 1 to 3650"})
	}
	return n, nil
}

type countryValue struct {
	Provider directory.ProviderID `json:"provider"`
	Value    string               `json:"value"`
	Users    int                  `json:"users"`
	FirstAt  instant              `json:"firstAt"`
}

func (r *request) listCountryValues() (answer, error) {
	p, err := r.ownProvider()
	if err != nil {
		return answer{}, err
	}
	vs, err := r.as().Reports.Countries(r.ctx(), p)
	return answer{body: page[countryValue]{Items: mapSlice(vs, func(v administration.CountryCount) countryValue {
		return countryValue{v.Provider, v.Value, v.Users, instant{v.FirstAt}}
	})}}, err
}
