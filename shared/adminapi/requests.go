package adminapi

import "rollcall/shared/directory"

// refusals are the refused requests of a provider.
type refusals struct {
	Total int64     `json:"total"` // of all requests that were refused for what they hold
	Items []refusal `json:"items"`
}

// refusal stands for all requests of a kind about one user or group that were refused for the same reason.
type refusal struct {
	Method       string              `json:"method"`
	ResourceType string              `json:"resourceType,omitempty"`
	ScimID       directory.ScimID    `json:"scimId,omitempty"`
	Status       int                 `json:"status"`
	ScimType     string              `json:"scimType,omitempty"`
	Attribute    string              `json:"attribute,omitempty"`
	Members      []directory.ScimID  `json:"members,omitempty"`
	MemberCount  int                 `json:"memberCount,omitempty"`
	Count        int64               `json:"count"`
	FirstAt      instant             `json:"firstAt"`
	LastAt       instant             `json:"lastAt"`
	RequestID    directory.RequestID `json:"requestId"`
}

// unreadAttributes are names in a provider's requests that no schema has.
type unreadAttributes struct {
	Items []unreadAttribute `json:"items"`
}

type unreadAttribute struct {
	Name    string  `json:"name"`
	Boolean bool    `json:"boolean"`
	Count   int64   `json:"count"`
	LastAt  instant `json:"lastAt"`
}

func (r *request) requestReport() (directory.RequestReport, error) {
	id, err := r.providerID()
	if err != nil {
		return directory.RequestReport{}, err
	}
	return r.as().Providers.Requests(r.ctx(), id)
}

func (r *request) listRefusals() (answer, error) {
	report, err := r.requestReport()
	return answer{body: refusals{report.Refused, mapSlice(report.Refusals, func(x directory.RefusedRequest) refusal {
		return refusal{x.Method, x.ResourceType, x.ID, x.Status, x.ScimType, x.Attribute, x.Members, x.MemberCount, x.Count,
			instant{x.FirstAt}, instant{x.LastAt}, x.RequestID}
	})}}, err
}

func (r *request) listUnread() (answer, error) {
	report, err := r.requestReport()
	return answer{body: unreadAttributes{mapSlice(report.Unread, func(x directory.UnreadAttribute) unreadAttribute {
		return unreadAttribute{x.Name, x.Boolean, x.Count, instant{x.LastAt}}
	})}}, err
}
