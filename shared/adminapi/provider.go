package adminapi

import (
	"cmp"
	"encoding/json"
	"net/http"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func providerRoutes() []route {
	return []route{
		{Route{get, "/providers", "listProviders", readers}, pageQuery, (*request).listProviders},
		{Route{post, "/providers", "createProvider", administrators}, dryQuery, (*request).createProvider},
		{Route{get, "/providers/{id}", "getProvider", readers}, nil, (*request).getProvider},
		{Route{patch, "/providers/{id}", "updateProvider", administrators}, dryQuery, (*request).updateProvider},
		{Route{del, "/providers/{id}", "deleteProvider", administrators}, []string{"dryRun", "users", "moveTo", "cancelPending", "confirm"},
			(*request).deleteProvider},
		{Route{get, "/deleted-providers", "listDeletedProviders", readers}, pageQuery, (*request).listDeletedProviders},
		{Route{post, "/providers/{id}:restore", "restoreProvider", administrators}, dryQuery, (*request).restoreProvider},
		{Route{get, "/providers/{id}/refusals", "listRefusals", readers}, nil, (*request).listRefusals},
		{Route{get, "/providers/{id}/unread-attributes", "listUnreadAttributes", readers}, nil, (*request).listUnread},
		{Route{post, "/providers/{id}:go-live", "goLiveProvider", administrators}, dryQuery, setState(directory.ProviderLive)},
		{Route{post, "/providers/{id}:pause", "pauseProvider", administrators}, dryQuery, setState(directory.ProviderPaused)},
		{Route{post, "/providers/{id}:resume", "resumeProvider", administrators}, dryQuery, setState(directory.ProviderSetup)},
	}
}

// profiles are the dialects that a provider may use, the default first.
var profiles = []string{"entra", "entra-gov", "okta", "generic"}

type provider struct {
	ID                       directory.ProviderID    `json:"id,omitempty"`
	DisplayName              string                  `json:"displayName"`
	Kind                     string                  `json:"kind"`
	Profile                  string                  `json:"profile"`
	AuthType                 directory.AuthType      `json:"authType"`
	State                    directory.ProviderState `json:"state"`
	BaseURL                  string                  `json:"baseUrl,omitempty"`
	DeactivationDelaySeconds int64                   `json:"deactivationDelaySeconds"`
	Extensions               []extension             `json:"extensions"`
	RelinkGroups             bool                    `json:"relinkGroups"`
	MatchingAttributes       []string                `json:"matchingAttributes"`
	MatchingIndexes          []matchingIndex         `json:"matchingIndexes"`
	Tokens                   []token                 `json:"tokens"`
	UserCount                int                     `json:"userCount"`
	GroupCount               int                     `json:"groupCount"`
	Usage                    *usage                  `json:"usage,omitempty"` // of one provider only
	Deletion                 *deletion               `json:"deletion,omitempty"`
	Restoration              *restoration            `json:"restoration,omitempty"`
	Version                  int64                   `json:"version"`
	CreatedAt                instant                 `json:"createdAt"`
	CreatedBy                string                  `json:"createdBy,omitempty"`
	ModifiedAt               instant                 `json:"modifiedAt"`
	Token                    string                  `json:"token,omitempty"` // clear text, only in the answer that created it
	DryRun                   bool                    `json:"dryRun,omitempty"`
}

type extension struct {
	URN        string               `json:"urn"`
	Name       string               `json:"name"`
	Attributes []extensionAttribute `json:"attributes"`
}

type extensionAttribute struct {
	Name      string `json:"name"`
	Type      string `json:"type"`
	CaseExact bool   `json:"caseExact"`
}

type deletion struct {
	Users       directory.UserFate   `json:"users"`
	MoveTo      directory.ProviderID `json:"moveTo,omitempty"`
	Cancel      bool                 `json:"cancelPending,omitempty"`
	RequestedAt instant              `json:"requestedAt"`
	RequestedBy string               `json:"requestedBy,omitempty"`
	Task        directory.TaskID     `json:"task,omitempty"`
	Total       int                  `json:"userCount"`            // when it was requested
	Done        int                  `json:"doneCount"`            // of them; about, since people may come and go
	Watchlists  []deletionWatchlist  `json:"watchlists,omitempty"` // that lose groups; of one provider only
}

// restoration says how far the restoration of a deleted provider is, and what came of it.
type restoration struct {
	RequestedAt    instant  `json:"requestedAt"`
	RequestedBy    string   `json:"requestedBy,omitempty"`
	DoneAt         *instant `json:"doneAt,omitempty"`
	UserCount      int      `json:"userCount"`
	GroupCount     int      `json:"groupCount"`
	ExceptionCount int      `json:"exceptionCount"`
}

// deletedProvider is a provider that can be restored; the counts are those of when its deletion was requested.
type deletedProvider struct {
	ID          directory.ProviderID `json:"id"`
	DisplayName string               `json:"displayName"`
	Profile     string               `json:"profile"`
	Deletion    *deletion            `json:"deletion"`
	UserCount   int                  `json:"userCount"`
	GroupCount  int                  `json:"groupCount"`
	DeletedAt   instant              `json:"deletedAt"`
	Until       instant              `json:"restorableUntil"`
	Version     int64                `json:"version"`
}

type deletionWatchlist struct {
	ID    directory.WatchlistID `json:"id"`
	Title string                `json:"title"`
}

// usage holds the times at which a provider was used; those of the last minute may be missing.
type usage struct {
	Health         directory.Health `json:"health"`
	FirstRequestAt *instant         `json:"firstRequestAt,omitempty"`
	LastRequestAt  *instant         `json:"lastRequestAt,omitempty"`
	LastWriteAt    *instant         `json:"lastWriteAt,omitempty"`
	LastErrorAt    *instant         `json:"lastErrorAt,omitempty"`
}

func (r *request) viewUsage(u directory.Usage) *usage {
	return &usage{
		Health: u.Health(r.api.svc.Now()), FirstRequestAt: timeOrNil(u.FirstRequestAt), LastRequestAt: timeOrNil(u.LastRequestAt),
		LastWriteAt: timeOrNil(u.LastWriteAt), LastErrorAt: timeOrNil(u.LastErrorAt),
	}
}

// matchingIndex is how far the index of a matching attribute is.
type matchingIndex struct {
	Attribute string  `json:"attribute"`
	CaseExact bool    `json:"caseExact"`
	State     string  `json:"state"` // building or ready
	Since     instant `json:"since"`
	Done      int     `json:"done"`
	Total     int     `json:"total"`
}

// addMatching shows the matching attributes of a provider, and how far their indexes are.
func (r *request) addMatching(v *provider, p directory.Provider) error {
	v.MatchingAttributes, v.MatchingIndexes = make([]string, len(p.Matching)), make([]matchingIndex, len(p.Matching))
	for i, m := range p.Matching {
		index := matchingIndex{m.Path, m.CaseExact, "ready", instant{m.Since}, v.UserCount, v.UserCount}
		if !m.Ready {
			index.State = "building"
			var err error
			if index.Done, index.Total, err = r.as().Providers.MatchingProgress(r.ctx(), p); err != nil {
				return err
			}
		}
		v.MatchingAttributes[i], v.MatchingIndexes[i] = m.Path, index
	}
	return nil
}

// viewProvider shows a provider with the numbers of its users and groups.
func (r *request) viewProvider(p directory.Provider, n administration.ProviderCounts) provider {
	v := provider{
		ID: p.ID, DisplayName: p.DisplayName, Kind: "scim", Profile: p.Profile, AuthType: p.AuthType, State: p.State,
		BaseURL:                  r.baseURL(p.ID),
		DeactivationDelaySeconds: int64(p.DeactivationDelay / time.Second),
		Extensions:               mapSlice(p.Extensions, viewExtension), RelinkGroups: !p.NoRelink,
		Tokens: r.viewTokens(p), UserCount: n.Users, GroupCount: n.Groups,
		Version: p.Version, CreatedAt: instant{p.Created}, CreatedBy: p.CreatedBy, ModifiedAt: instant{p.Modified}, DryRun: r.admin.DryRun,
	}
	if d := p.Deletion; d != nil {
		v.Deletion = viewDeletion(*d)
		v.Deletion.Done = max(0, d.UserCount-n.Users)
	}
	if d := p.Restoration; d != nil {
		v.Restoration = &restoration{instant{d.RequestedAt}, d.RequestedBy, timeOrNil(d.DoneAt), d.Users, d.Groups, d.Exceptions}
	}
	return v
}

func viewDeletion(d directory.ProviderDeletion) *deletion {
	return &deletion{Users: d.Users, MoveTo: d.MoveTo, Cancel: d.CancelPending, RequestedAt: instant{d.RequestedAt},
		RequestedBy: d.RequestedBy, Task: d.Task, Total: d.UserCount, Done: d.UserCount}
}

// addWatchlists shows the watchlists that lose the groups of a provider.
func (r *request) addWatchlists(d *deletion, p directory.ProviderID) error {
	ws, err := r.as().Watchlists.Of(r.ctx(), p)
	d.Watchlists = mapSlice(ws, func(w directory.Watchlist) deletionWatchlist { return deletionWatchlist{w.ID, w.Title} })
	return err
}

func viewExtension(e directory.Extension) extension {
	return extension{URN: e.URN, Name: e.Name, Attributes: mapSlice(e.Attributes, func(a directory.ExtensionAttribute) extensionAttribute {
		return extensionAttribute(a)
	})}
}

// baseURL returns the URL to enter in the directory's configuration.
func (r *request) baseURL(id directory.ProviderID) string {
	return r.api.opts.SCIMOrigin + "/scim/v2/" + string(id)
}

// answerProvider shows a provider after a change or a read.
func (r *request) answerProvider(status int, p directory.Provider, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	n, err := r.as().Providers.Count(r.ctx(), p.ID)
	if err != nil {
		return answer{}, err
	}
	v := r.viewProvider(p, n)
	if err := r.addMatching(&v, p); err != nil {
		return answer{}, err
	}
	if v.Deletion != nil {
		if err := r.addWatchlists(v.Deletion, p.ID); err != nil {
			return answer{}, err
		}
	}
	return answer{status: status, version: p.Version, body: v}, nil
}

func (r *request) listProviders() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	all, err := r.as().Providers.List(r.ctx())
	if err != nil {
		return answer{}, err
	}
	ps, next := pageAfter(all, func(p directory.Provider) string { return string(p.ID) }, after, limit)
	out := page[provider]{Items: make([]provider, len(ps)), NextCursor: r.cursor(next)}
	for i, p := range ps {
		n, err := r.as().Providers.Count(r.ctx(), p.ID)
		if err != nil {
			return answer{}, err
		}
		out.Items[i] = r.viewProvider(p, n)
		if err := r.addMatching(&out.Items[i], p); err != nil {
			return answer{}, err
		}
	}
	return answer{body: out}, nil
}

// readExtensions reads custom extensions; package directory checks their content.
func readExtensions(to func([]directory.Extension)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		es := []directory.Extension{}
		bad := list(directory.MaxExtensions, func(at string, raw json.RawMessage) []fieldError {
			var e directory.Extension
			attribute := func(at string, raw json.RawMessage) []fieldError {
				a := directory.ExtensionAttribute{Type: "string"}
				m := members{
					"name": text(set(&a.Name), 1, 100), "type": word(set(&a.Type), directory.ExtensionTypes()...), "caseExact": boolean(set(&a.CaseExact)),
				}
				bad := m.object(at, raw, "name")
				e.Attributes = append(e.Attributes, a)
				return bad
			}
			m := members{
				"urn": text(set(&e.URN), 1, 100), "name": text(set(&e.Name), 1, 100), "attributes": list(directory.MaxExtensionAttributes, attribute),
			}
			bad := m.object(at, raw, "urn", "name", "attributes")
			es = append(es, e)
			return bad
		})(at, raw)
		to(es)
		return bad
	}
}

// readMatching reads paths of matching attributes; package administration checks them.
func readMatching(to func([]string)) reader {
	return func(at string, raw json.RawMessage) []fieldError {
		paths := []string{}
		bad := list(directory.MaxMatchingAttributes, text(func(s string) { paths = append(paths, s) }, 1, 201))(at, raw)
		to(paths)
		return bad
	}
}

func (r *request) createProvider() (answer, error) {
	n := administration.NewProvider{Profile: profiles[0]}
	err := r.read(members{
		"displayName":              text(set(&n.DisplayName), 1, 100),
		"profile":                  word(set(&n.Profile), profiles...),
		"deactivationDelaySeconds": seconds(setPtr(&n.DeactivationDelay), directory.MaxDeactivationDelay),
		"tokenExpiresAt":           moment(set(&n.TokenExpiresAt)),
		"extensions":               readExtensions(set(&n.Extensions)),
		"matchingAttributes":       readMatching(set(&n.Matching)),
	}, "displayName")
	if err != nil {
		return answer{}, err
	}
	p, clear, err := r.as().Providers.Create(r.ctx(), n)
	if err != nil {
		return answer{}, inField(err, "expiresAt", "tokenExpiresAt")
	}
	v := r.viewProvider(p, administration.ProviderCounts{})
	if err := r.addMatching(&v, p); err != nil {
		return answer{}, err
	}
	v.Token = r.clearText(clear)
	if r.admin.DryRun { // nothing was created, so there is no id to show
		v.ID, v.BaseURL, v.Tokens = "", "", []token{}
	}
	return answer{status: http.StatusCreated, version: p.Version, location: "/providers/" + string(p.ID), body: v}, nil
}

// inField returns an error about attr as one about field, the name of the member in this API.
func inField(err error, attr, field string) error {
	p := toProblem(err)
	if len(p.Errors) == 0 || p.Errors[0].Field != attr {
		return err
	}
	return &fault{status: p.Status, detail: p.Detail, fields: []fieldError{{field, p.Detail}}}
}

// usedProvider reads the provider in the path, with its usage.
func (r *request) usedProvider() (p directory.Provider, u directory.Usage, err error) {
	id, err := r.providerID()
	if err != nil {
		return p, u, err
	}
	if p, err = r.as().Providers.ByID(r.ctx(), id); err != nil {
		return p, u, err
	}
	u, err = r.as().Providers.Usage(r.ctx(), id)
	return p, u, err
}

func (r *request) getProvider() (answer, error) {
	p, u, err := r.usedProvider()
	if err != nil {
		return answer{}, err
	}
	a, err := r.answerProvider(0, p, nil)
	if v, ok := a.body.(provider); ok {
		v.Usage, v.Tokens = r.viewUsage(u), withUsage(v.Tokens, u)
		a.body = v
	}
	return a, err
}

// checkProvider checks the precondition of a change of a provider.
func (r *request) checkProvider(p directory.Provider) error { return r.ifMatch(p.Version) }

func (r *request) updateProvider() (answer, error) {
	id, err := r.providerID()
	if err != nil {
		return answer{}, err
	}
	var n administration.ProviderPatch
	err = r.read(members{
		"displayName":              text(setPtr(&n.DisplayName), 1, 100),
		"deactivationDelaySeconds": seconds(setPtr(&n.DeactivationDelay), directory.MaxDeactivationDelay),
		"extensions":               readExtensions(setPtr(&n.Extensions)),
		"matchingAttributes":       readMatching(setPtr(&n.Matching)),
		"relinkGroups":             boolean(setPtr(&n.Relink)),
	})
	if err != nil {
		return answer{}, err
	}
	p, err := r.as().Providers.Patch(r.ctx(), id, r.checkProvider, n)
	return r.answerProvider(0, p, err)
}

// setState returns the operation that moves a provider to a state.
func setState(to directory.ProviderState) func(*request) (answer, error) {
	return func(r *request) (answer, error) {
		id, err := r.providerID()
		if err == nil {
			err = r.readNothing()
		}
		if err != nil {
			return answer{}, err
		}
		p, err := r.as().Providers.SetState(r.ctx(), id, r.checkProvider, to)
		return r.answerProvider(0, p, err)
	}
}

// deleteProvider starts a deletion, which continues after the answer: 202.
func (r *request) deleteProvider() (answer, error) {
	id, err := r.providerID()
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	fate, err := r.choice("users", string(directory.FateLocal), string(directory.FateDeactivate), string(directory.FateMove))
	if err != nil {
		return answer{}, err
	}
	cancel, err := r.choice("cancelPending", "true", "false")
	if err != nil {
		return answer{}, err
	}
	d := directory.ProviderDeletion{Users: directory.UserFate(cmp.Or(fate, string(directory.FateLocal))),
		MoveTo: directory.ProviderID(r.query.Get("moveTo")), CancelPending: cancel == "true"}
	if r.query.Has("moveTo") != (d.Users == directory.FateMove) {
		return answer{}, invalid(fieldError{"moveTo", "moveTo must be given with users=move, and only then"})
	}
	// NotFound comes first, so that no other error reveals that the provider exists.
	if _, err := r.as().Providers.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	p, err := r.as().Providers.Delete(r.ctx(), id, func(p directory.Provider) error {
		if r.query.Has("confirm") && r.query.Get("confirm") != p.DisplayName {
			return invalid(fieldError{"confirm", "confirm must be the provider's display name"})
		}
		return r.ifMatch(p.Version)
	}, d)
	return r.answerProvider(http.StatusAccepted, p, err)
}

func (r *request) listDeletedProviders() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	all, err := r.as().Providers.Deleted(r.ctx())
	if err != nil {
		return answer{}, err
	}
	as, next := pageAfter(all, func(a directory.ArchivedProvider) string { return string(a.ID) }, after, limit)
	out := page[deletedProvider]{Items: make([]deletedProvider, len(as)), NextCursor: r.cursor(next)}
	for i, a := range as {
		v := deletedProvider{ID: a.ID, DisplayName: a.DisplayName, Profile: a.Profile, Deletion: viewDeletion(*a.Deletion),
			UserCount: a.Deletion.UserCount, GroupCount: a.Deletion.GroupCount, DeletedAt: instant{a.RemovedAt}, Until: instant{a.Until()},
			Version: a.Version}
		if err := r.addWatchlists(v.Deletion, a.ID); err != nil {
			return answer{}, err
		}
		out.Items[i] = v
	}
	return answer{body: out}, nil
}

// restoreProvider undoes a deletion; people and groups come back after the answer.
func (r *request) restoreProvider() (answer, error) {
	id, err := r.providerID()
	name := ""
	if err == nil && len(r.body) > 0 {
		err = r.read(members{"displayName": text(set(&name), 1, 100)})
	}
	if err != nil {
		return answer{}, err
	}
	p, err := r.as().Providers.Restore(r.ctx(), id, r.checkProvider, name)
	return r.answerProvider(0, p, err)
}

func timeOrNil(t time.Time) *instant {
	if t.IsZero() {
		return nil
	}
	return &instant{t}
}

// provider reads the provider in the path.
func (r *request) provider() (directory.Provider, error) {
	id, err := r.providerID()
	if err != nil {
		return directory.Provider{}, err
	}
	return r.as().Providers.ByID(r.ctx(), id)
}
