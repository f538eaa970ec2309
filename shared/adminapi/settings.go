package adminapi

import "rollcall/shared/directory"

// settings are what a tenant has chosen for itself.
type settings struct {
	ID          directory.TenantID `json:"id"`
	DisplayName string             `json:"displayName"`
	DualControl bool               `json:"dualControl"` // privileged roles take a second administrator
	DualEndedBy string             `json:"dualControlEndedBy,omitempty"`
	Version     int64              `json:"version"`
	DryRun      bool               `json:"dryRun,omitempty"`
}

func (r *request) answerSettings(t directory.Tenant, err error) (answer, error) {
	return answer{version: t.Version, body: settings{t.ID, t.DisplayName, t.DualControl, t.DualEndedBy, t.Version, r.admin.DryRun}}, err
}

func (r *request) getSettings() (answer, error) {
	return r.answerSettings(r.api.svc.Tenant(r.r.Context(), r.admin))
}

func (r *request) updateSettings() (answer, error) {
	var dual bool
	if err := r.read(members{"dualControl": boolean(set(&dual))}, "dualControl"); err != nil {
		return answer{}, err
	}
	return r.answerSettings(r.api.svc.SetDualControl(r.r.Context(), r.admin, func(t directory.Tenant) error { return r.ifMatch(t.Version) }, dual))
}
