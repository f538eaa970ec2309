package adminapi

import (
	"net/http"
	"strings"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func legalHoldRoutes() []route {
	return []route{
		{Route{get, "/legal-holds", "listLegalHolds", holdReaders}, pageQuery, (*request).listMatters},
		{Route{post, "/legal-holds", "createLegalHold", holders}, dryQuery, (*request).createMatter},
		{Route{get, "/legal-holds/{id}", "getLegalHold", holdReaders}, nil, (*request).getMatter},
		{Route{post, "/legal-holds/{id}:close", "closeLegalHold", holders}, dryQuery, (*request).closeMatter},
		{Route{get, "/legal-holds/{id}/custodians", "listCustodians", holdReaders}, pageQuery, (*request).listCustodians},
		{Route{get, "/legal-holds/{id}/custodians:export", "exportCustodians", holdExporters}, nil, (*request).exportCustodians},
		{Route{post, "/legal-holds/{id}/custodians:import", "importCustodians", holders}, dryQuery, (*request).importCustodians},
		{Route{post, "/legal-holds/{id}/custodians", "placeHolds", holders}, dryQuery, (*request).placeHolds},
		{Route{post, "/legal-holds/{id}/custodians/{id}:release", "releaseHold", holders}, dryQuery, (*request).releaseHold},
	}
}

type matter struct {
	ID        directory.MatterID    `json:"id,omitempty"`
	Name      string                `json:"name"`
	Reference string                `json:"reference,omitempty"`
	State     directory.MatterState `json:"state"`
	CreatedAt instant               `json:"createdAt"`
	CreatedBy string                `json:"createdBy,omitempty"`
	ClosedAt  *instant              `json:"closedAt,omitempty"`
	ClosedBy  string                `json:"closedBy,omitempty"`
	Version   int64                 `json:"version"`
	Plan      *releasePlan          `json:"plan,omitempty"` // only in the answer to a dry run of closing
	DryRun    bool                  `json:"dryRun,omitempty"`
}

// releasePlan holds the outcomes of the release of all custodians.
type releasePlan struct {
	Counts map[administration.Outcome]int `json:"counts"`
	Items  []custodian                    `json:"items"` // the first ones
}

type custodian struct {
	User       directory.UserID       `json:"user"`
	UserName   string                 `json:"userName,omitempty"`
	PlacedAt   *instant               `json:"placedAt,omitempty"`
	PlacedBy   string                 `json:"placedBy,omitempty"`
	ReleasedAt *instant               `json:"releasedAt,omitempty"`
	ReleasedBy string                 `json:"releasedBy,omitempty"`
	Outcome    administration.Outcome `json:"outcome,omitempty"` // of a release
	DueAt      *instant               `json:"dueAt,omitempty"`
	DryRun     bool                   `json:"dryRun,omitempty"`
}

func viewMatter(m directory.Matter) matter {
	return matter{
		ID: m.ID, Name: m.Name, Reference: m.Reference, State: m.State, CreatedAt: instant{m.CreatedAt}, CreatedBy: m.CreatedBy,
		ClosedAt: timeOrNil(m.ClosedAt), ClosedBy: m.ClosedBy, Version: m.Version,
	}
}

func viewCustodian(c directory.Custodian) custodian {
	return custodian{
		User: c.User, PlacedAt: timeOrNil(c.PlacedAt), PlacedBy: c.PlacedBy, ReleasedAt: timeOrNil(c.ReleasedAt), ReleasedBy: c.ReleasedBy,
	}
}

func viewRelease(x administration.Release) custodian {
	v := viewCustodian(x.Custodian)
	v.UserName, v.Outcome = x.User.UserName, x.Outcome
	if x.User.Pending != nil {
		v.DueAt = timeOrNil(x.User.Pending.DueAt)
	}
	return v
}

func (r *request) listMatters() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	ms, err := r.as().LegalHolds.List(r.ctx(), directory.MatterID(after), limit+1)
	if err != nil {
		return answer{}, err
	}
	ms, next := pageAfter(ms, func(m directory.Matter) string { return string(m.ID) }, after, limit)
	return answer{body: page[matter]{Items: mapSlice(ms, viewMatter), NextCursor: r.cursor(next)}}, nil
}

func (r *request) matterID() (directory.MatterID, error) {
	return pathID[directory.MatterID](r, 0, "legal hold")
}

func (r *request) getMatter() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	m, err := r.as().LegalHolds.ByID(r.ctx(), id)
	return answer{version: m.Version, body: viewMatter(m)}, err
}

func (r *request) createMatter() (answer, error) {
	var name, reference string
	if err := r.read(members{"name": text(set(&name), 1, 100), "reference": text(set(&reference), 1, 100)}, "name"); err != nil {
		return answer{}, err
	}
	m, err := r.as().LegalHolds.Create(r.ctx(), strings.TrimSpace(name), strings.TrimSpace(reference))
	if err != nil {
		return answer{}, err
	}
	v := viewMatter(m)
	v.DryRun = r.admin.DryRun
	if v.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusCreated, version: m.Version, location: string("/legal-holds/" + m.ID), body: v}, nil
}

func (r *request) closeMatter() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	if err := r.read(members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}, "reason"); err != nil {
		return answer{}, err
	}
	m, err := r.as().LegalHolds.Close(r.ctx(), id, func(m directory.Matter) error { return r.ifMatch(m.Version) })
	if err != nil {
		return answer{}, err
	}
	v := viewMatter(m)
	v.DryRun = r.admin.DryRun
	if v.DryRun {
		v.Plan, err = r.planClose(id)
	}
	return answer{status: http.StatusAccepted, version: m.Version, body: v}, err
}

func (r *request) planClose(id directory.MatterID) (*releasePlan, error) {
	plan := releasePlan{Counts: map[administration.Outcome]int{}, Items: []custodian{}}
	for after, seen := directory.UserID(""), 0; seen < directory.MaxWalk; {
		xs, next, err := r.as().LegalHolds.PlanClose(r.ctx(), id, after, MaxPageSize)
		if err != nil {
			return nil, err
		}
		for _, x := range xs {
			plan.Counts[x.Outcome]++
			if len(plan.Items) < MaxPageSize {
				plan.Items = append(plan.Items, viewRelease(x))
			}
		}
		seen, after = seen+MaxPageSize, next
		if next == "" {
			break
		}
	}
	return &plan, nil
}

func (r *request) listCustodians() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	cs, err := r.as().LegalHolds.Custodians(r.ctx(), id, directory.UserID(after), limit+1)
	if err != nil {
		return answer{}, err
	}
	cs, next := pageAfter(cs, func(c directory.Custodian) string { return string(c.User) }, after, limit)
	return answer{body: page[custodian]{Items: mapSlice(cs, viewCustodian), NextCursor: r.cursor(next)}}, nil
}

func (r *request) placeHolds() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	var ids []directory.UserID
	if err := r.read(members{"users": someUsers(set(&ids)), "reason": text(set(&r.admin.Actor.Reason), 1, 500)}, "users"); err != nil {
		return answer{}, err
	}
	if _, err := r.as().LegalHolds.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	return r.forUsers(ids, func(u directory.UserID) error {
		_, _, err := r.as().LegalHolds.Place(r.ctx(), id, u)
		return err
	})
}

func (r *request) releaseHold() (answer, error) {
	id, err := r.matterID()
	if err != nil {
		return answer{}, err
	}
	u, err := pathID[directory.UserID](r, 1, "custodian")
	if err != nil {
		return answer{}, err
	}
	if err := r.read(members{"reason": text(set(&r.admin.Actor.Reason), 1, 500)}, "reason"); err != nil {
		return answer{}, err
	}
	x, err := r.as().LegalHolds.Release(r.ctx(), id, u)
	v := viewRelease(x)
	v.DryRun = r.admin.DryRun
	return answer{body: v}, err
}
