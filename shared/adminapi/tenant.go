package adminapi

import (
	"cmp"
	"time"

	"rollcall/shared/directory"
)

type tenant struct {
	ID                directory.TenantID `json:"id"`
	DisplayName       string             `json:"displayName"`
	UserRetentionDays int                `json:"userRetentionDays"`
	LogRetentionDays  int                `json:"logRetentionDays"`
	Version           int64              `json:"version"`
	DryRun            bool               `json:"dryRun,omitempty"`
}

const day = 24 * time.Hour

// logRetention is how long the deployment keeps the log.
func (r *request) logRetention() time.Duration {
	return cmp.Or(r.api.opts.LogRetention, directory.DefaultLogRetention)
}

func (r *request) answerTenant(t directory.Tenant, err error) (answer, error) {
	longest := r.logRetention()
	return answer{version: t.Version, body: tenant{
		ID: t.ID, DisplayName: t.DisplayName, Version: t.Version, DryRun: r.admin.DryRun,
		UserRetentionDays: int(cmp.Or(t.Retention.Users, directory.DefaultRetention) / day),
		LogRetentionDays:  int(min(cmp.Or(t.Retention.Log, longest), longest) / day),
	}}, err
}

func (r *request) getTenant() (answer, error) {
	return r.answerTenant(r.api.svc.Tenants.Tenant(r.r.Context(), r.key.Tenant))
}

func (r *request) updateTenant() (answer, error) {
	var users, log *int
	days := func(to **int, most int) reader {
		return clearable(func() { zero := 0; *to = &zero }, number(func(n int) { *to = &n }, 1, most))
	}
	err := r.read(members{"userRetentionDays": days(&users, 3650), "logRetentionDays": days(&log, 3650)})
	if err != nil {
		return answer{}, err
	}
	return r.answerTenant(r.api.svc.SetRetention(r.r.Context(), r.admin, func(t directory.Tenant) error { return r.ifMatch(t.Version) }, func(to *directory.Retention) {
		if users != nil {
			to.Users = time.Duration(*users) * day
		}
		if log != nil {
			to.Log = time.Duration(*log) * day
		}
	}))
}
