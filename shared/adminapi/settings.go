package adminapi

import (
	"cmp"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// settings are what a tenant has chosen for itself.
type settings struct {
	ID                directory.TenantID `json:"id"`
	DisplayName       string             `json:"displayName"`
	DualControl       bool               `json:"dualControl"` // privileged roles take a second administrator
	DualEndedBy       string             `json:"dualControlEndedBy,omitempty"`
	UserRetentionDays int                `json:"userRetentionDays"`
	LogRetentionDays  int                `json:"logRetentionDays"`
	Version           int64              `json:"version"`
	DryRun            bool               `json:"dryRun,omitempty"`
}

const day = 24 * time.Hour

// logRetention is how long the deployment keeps the log.
func (r *request) logRetention() time.Duration {
	return r.api.svc.LogRetention()
}

func (r *request) answerSettings(t directory.Tenant, err error) (answer, error) {
	longest := r.logRetention()
	return answer{version: t.Version, body: settings{
		ID: t.ID, DisplayName: t.DisplayName, DualControl: t.DualControl, DualEndedBy: t.DualControlEndRequestedBy, Version: t.Version, DryRun: r.admin.DryRun,
		UserRetentionDays: int(cmp.Or(t.Retention.Users, directory.DefaultRetention) / day),
		LogRetentionDays:  int(min(cmp.Or(t.Retention.Log, longest), longest) / day),
	}}, err
}

func (r *request) getSettings() (answer, error) {
	return r.answerSettings(r.as().Settings.Get(r.ctx()))
}

func (r *request) updateSettings() (answer, error) {
	var c administration.SettingsChange
	days := func(to **time.Duration) reader {
		put := func(n int) { d := time.Duration(n) * day; *to = &d }
		return clearable(func() { put(0) }, number(put, 1, int(directory.MaxRetention/day)))
	}
	err := r.read(members{
		"dualControl":       boolean(func(on bool) { c.DualControl = &on }),
		"userRetentionDays": days(&c.UserRetention),
		"logRetentionDays":  days(&c.LogRetention),
	})
	if err != nil {
		return answer{}, err
	}
	return r.answerSettings(r.as().Settings.Set(r.ctx(), func(t directory.Tenant) error { return r.ifMatch(t.Version) }, c))
}
