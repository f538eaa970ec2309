package adminapi

import (
	"cmp"
	"net/http"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func tenantRoutes() []route {
	return []route{
		{Route{get, "/settings", "getSettings", readers}, nil, (*request).getSettings},
		{Route{patch, "/settings", "updateSettings", administrators}, dryQuery, (*request).updateSettings},
		{Route{get, "/tenants", "listTenants", operators}, pageQuery, (*request).listTenants},
		{Route{post, "/tenants", "createTenant", operators}, dryQuery, (*request).createTenant},
		{Route{get, "/tenants/{id}", "getTenant", operators}, nil, (*request).getTenant},
		{Route{post, "/tenants/{id}:pause", "pauseTenant", operators}, dryQuery, setTenantState(directory.TenantPaused)},
		{Route{post, "/tenants/{id}:resume", "resumeTenant", operators}, dryQuery, setTenantState(directory.TenantActive)},
		{Route{post, "/tenants/{id}:remove", "removeTenant", operators}, dryQuery, (*request).removeTenant},
		{Route{post, "/tenants/{id}/api-keys", "createTenantApiKey", operators}, dryQuery, (*request).createTenantAPIKey},
	}
}

type tenant struct {
	ID          directory.TenantID `json:"id,omitempty"`
	DisplayName string             `json:"displayName"`
	State       string             `json:"state"`
	RemovedAt   *instant           `json:"removedAt,omitempty"`
	CreatedAt   instant            `json:"createdAt"`
	ModifiedAt  instant            `json:"modifiedAt"`
	Version     int64              `json:"version"`
	DryRun      bool               `json:"dryRun,omitempty"`
}

func (r *request) viewTenant(t directory.Tenant) tenant {
	v := tenant{
		ID: t.ID, DisplayName: t.DisplayName, State: string(t.State), CreatedAt: instant{t.Created}, ModifiedAt: instant{t.Modified},
		Version: t.Version, DryRun: r.admin.DryRun,
	}
	if t.State == directory.TenantActive {
		v.State = "active"
	}
	if t.Removal != nil {
		v.RemovedAt = &instant{t.Removal.At}
	}
	return v
}

func (r *request) answerTenant(status int, t directory.Tenant, err error) (answer, error) {
	return answer{status: status, version: t.Version, body: r.viewTenant(t)}, err
}

// tenantID returns the tenant in the path.
func (r *request) tenantID() (directory.TenantID, error) {
	return pathID[directory.TenantID](r, 0, "tenant")
}

func (r *request) checkTenant(t directory.Tenant) error { return r.ifMatch(t.Version) }

func (r *request) listTenants() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	ts, err := r.as().Tenants.List(r.ctx(), directory.TenantID(after), limit+1)
	if err != nil {
		return answer{}, err
	}
	next := ""
	if len(ts) > limit {
		ts = ts[:limit]
		next = string(ts[limit-1].ID)
	}
	return answer{body: page[tenant]{Items: mapSlice(ts, r.viewTenant), NextCursor: r.cursor(next)}}, nil
}

func (r *request) createTenant() (answer, error) {
	var id, name string
	if err := r.read(members{"id": text(set(&id), 5, 7), "displayName": text(set(&name), 1, 100)}, "displayName"); err != nil {
		return answer{}, err
	}
	t, err := r.as().Tenants.Add(r.ctx(), directory.TenantID(id), name)
	v := r.viewTenant(t)
	if v.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusCreated, version: t.Version, location: "/tenants/" + string(t.ID), body: v}, err
}

func (r *request) getTenant() (answer, error) {
	id, err := r.tenantID()
	if err != nil {
		return answer{}, err
	}
	t, err := r.as().Tenants.ByID(r.ctx(), id)
	return r.answerTenant(0, t, err)
}

// setTenantState returns the operation that pauses or resumes a tenant.
func setTenantState(to directory.TenantState) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := r.tenantID()
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		t, err := r.as().Tenants.SetState(r.ctx(), id, r.checkTenant, to)
		return r.answerTenant(0, t, err)
	}
}

// removeTenant ends a tenant immediately; its data is erased after the answer: 202.
func (r *request) removeTenant() (answer, error) {
	id, err := r.tenantID()
	if err != nil {
		return answer{}, err
	}
	confirm := ""
	if err := r.read(members{"confirm": phrase(set(&confirm))}, "confirm"); err != nil {
		return answer{}, err
	}
	t, err := r.as().Tenants.Remove(r.ctx(), id, func(t directory.Tenant) error {
		if confirm != t.DisplayName {
			return invalid(fieldError{"confirm", "confirm must be the tenant's display name"})
		}
		return r.checkTenant(t)
	})
	return r.answerTenant(http.StatusAccepted, t, err)
}

func (r *request) createTenantAPIKey() (answer, error) {
	id, err := r.tenantID()
	if err != nil {
		return answer{}, err
	}
	var name string
	var expires time.Time
	if err := r.read(members{"displayName": text(set(&name), 1, 100), "expiresAt": moment(set(&expires))}, "displayName"); err != nil {
		return answer{}, err
	}
	k, clear, err := r.as().Tenants.AddKey(r.ctx(), id, name, expires)
	return r.answerNewKey(k, clear), err
}

// settings are the settings of a tenant.
type settings struct {
	ID                directory.TenantID `json:"id"`
	DisplayName       string             `json:"displayName"`
	DualControl       bool               `json:"dualControl"` // privileged roles need a second administrator
	DualEndedBy       string             `json:"dualControlEndedBy,omitempty"`
	UserRetentionDays int                `json:"userRetentionDays"`
	LogRetentionDays  int                `json:"logRetentionDays"`
	Version           int64              `json:"version"`
	DryRun            bool               `json:"dryRun,omitempty"`
	// Persons are the administrators' keys that are of different persons, in the answer that switched dual control on.
	Persons []apiKey `json:"persons,omitempty"`
	Warning string   `json:"warning,omitempty"`
}

const day = 24 * time.Hour

func (r *request) answerSettings(t directory.Tenant, err error) (answer, error) {
	longest := r.api.svc.LogRetention()
	return answer{version: t.Version, body: settings{
		ID: t.ID, DisplayName: t.DisplayName, DualControl: t.DualControl, DualEndedBy: t.DualControlEndRequestedBy, Version: t.Version,
		DryRun:            r.admin.DryRun,
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
	t, err := r.as().Settings.Set(r.ctx(), func(t directory.Tenant) error { return r.ifMatch(t.Version) }, c)
	a, err := r.answerSettings(t, err)
	if err != nil || c.DualControl == nil || !*c.DualControl {
		return a, err
	}
	persons, err := r.as().APIKeys.Persons(r.ctx(), t.DualControlSince)
	v := a.body.(settings)
	if v.Persons = mapSlice(persons, r.viewAPIKey); len(v.Persons) < 2 {
		v.Warning = "there is one person only: nothing privileged can change until another administrator has a first key"
	}
	a.body = v
	return a, err
}
