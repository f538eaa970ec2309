package adminapi

import (
	"time"

	"rollcall/shared/directory"
)

type countryValue struct {
	Provider directory.ProviderID `json:"provider"`
	Value    string               `json:"value"`
	Users    int                  `json:"users"`
	FirstAt  time.Time            `json:"firstAt"`
}

func (r *request) listCountryValues() (answer, error) {
	p, err := r.ownProvider()
	if err != nil {
		return answer{}, err
	}
	vs, err := r.api.svc.CountryReport(r.r.Context(), r.admin, p)
	return answer{body: page[countryValue]{Items: show(vs, func(v directory.CountryCount) countryValue {
		return countryValue{v.Provider, v.Value, v.Users, v.FirstAt}
	})}}, err
}
