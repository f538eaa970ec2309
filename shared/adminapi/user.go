package adminapi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func userRoutes() []route {
	return []route{
		{Route{get, "/users", "searchUsers", userReaders},
			[]string{"cursor", "limit", "search", "provider", "state", "lifecycle", "shownState", "maySignIn", "organization", "role", "watchlist",
				"review"}, (*request).searchUsers},
		{Route{post, "/users", "createUser", administrators}, dryQuery, (*request).createUser},
		{Route{get, "/users/{id}", "getUser", userReaders}, nil, (*request).getUser},
		{Route{patch, "/users/{id}", "updateUser", administrators}, dryQuery, (*request).updateUser},
		{Route{get, "/users/{id}/timeline", "getUserTimeline", logReaders}, pageQuery, (*request).getTimeline},
	}
}

type user struct {
	ID             directory.UserID         `json:"id,omitempty"`
	ScimID         directory.ScimID         `json:"scimId,omitempty"`
	Origin         string                   `json:"origin"` // local or provider
	Provider       directory.ProviderID     `json:"provider,omitempty"`
	UserName       string                   `json:"userName"`
	ExternalID     string                   `json:"externalId,omitempty"`
	DisplayName    string                   `json:"displayName,omitempty"`
	Name           *personName              `json:"name,omitempty"`
	Title          string                   `json:"title,omitempty"`
	Department     string                   `json:"department,omitempty"`
	Emails         []email                  `json:"emails"`
	Manager        string                   `json:"manager,omitempty"`
	DirectoryState directory.DirectoryState `json:"directoryState"`
	Lifecycle      directory.Lifecycle      `json:"lifecycle"`
	OrganizationID directory.OrgID          `json:"organizationId,omitempty"`
	OrgPinned      bool                     `json:"organizationPinned,omitempty"`
	Roles          []directory.RoleID       `json:"roles"`
	Watchlists     []directory.WatchlistID  `json:"watchlists"`
	CountryCode    string                   `json:"countryCode,omitempty"`
	GoneAt         *instant                 `json:"goneAt,omitempty"`
	ShownState     directory.ShownState     `json:"shownState"`
	MaySignIn      bool                     `json:"maySignIn"`
	Override       bool                     `json:"override,omitempty"`
	DeactivatedAt  *instant                 `json:"deactivatedAt,omitempty"`
	AdminBlock     *adminBlock              `json:"adminBlock,omitempty"`
	Pending        *pendingDeactivation     `json:"pending,omitempty"`
	Holds          []directory.MatterID     `json:"holds,omitempty"`
	Version        int64                    `json:"version"`
	CreatedAt      instant                  `json:"createdAt"`
	ModifiedAt     instant                  `json:"modifiedAt"`
	Groups         []directory.GroupID      `json:"groups,omitempty"`     // of one user only
	Attributes     json.RawMessage          `json:"attributes,omitempty"` // of one user only: in the form of SCIM
	DryRun         bool                     `json:"dryRun,omitempty"`
}

type personName struct {
	Formatted  string `json:"formatted,omitempty"`
	FamilyName string `json:"familyName,omitempty"`
	GivenName  string `json:"givenName,omitempty"`
}

type email struct {
	Value   string `json:"value"`
	Type    string `json:"type,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

// viewUsers returns users as administrators see them. One read tells which of their organizations bar their people.
func (r *request) viewUsers(us []directory.User) ([]user, error) {
	barred, err := r.as().Organizations.Barred(r.ctx(), us...)
	return mapSlice(us, func(u directory.User) user { return viewUser(u, barred[u.OrgID]) }), err
}

// pageOfUsers answers with a page of a list.
func (r *request) pageOfUsers(us []directory.User, next string, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	items, err := r.viewUsers(us)
	return answer{body: page[user]{Items: items, NextCursor: r.cursor(next)}}, err
}

// seeUser returns a user as administrators see it.
func (r *request) seeUser(u directory.User) (user, error) {
	vs, err := r.viewUsers([]directory.User{u})
	vs[0].DryRun = r.admin.DryRun
	return vs[0], err
}

// viewUser returns a user as administrators see it; barred says whether the organization bars its people.
func viewUser(u directory.User, barred bool) user {
	as := readAttributes(u.Attributes)
	name := readAttributes(as.get("name"))
	v := user{
		ID: u.ID, ScimID: u.ScimID, Origin: "provider", Provider: u.Provider, UserName: u.UserName, ExternalID: u.ExternalID,
		DisplayName: as.text("displayName"), Title: as.text("title"),
		Department: readAttributes(as.get(enterpriseURN)).text("department"),
		Emails:     readEmails(as), Manager: u.Manager,
		DirectoryState: u.DirectoryState(), Lifecycle: u.Lifecycle, GoneAt: timeOrNil(u.RemovedAt),
		ShownState: u.Shown(barred), MaySignIn: u.MaySignIn() && !barred, Override: u.Overridden(), DeactivatedAt: timeOrNil(u.DeactivatedAt),
		AdminBlock: viewBlock(u.AdminBlock), Pending: viewPending(u.Account), Holds: u.Holds,
		OrganizationID: u.OrgID, OrgPinned: u.OrgPinned, Roles: rolesOf(u.RoleGrants), CountryCode: u.CountryCode,
		Watchlists: mapSlice(u.Watchlists, func(w directory.OnWatchlist) directory.WatchlistID { return w.List }),
		Version:    u.Version, CreatedAt: instant{u.Created}, ModifiedAt: instant{u.Modified},
	}
	if n := (personName{name.text("formatted"), name.text("familyName"), name.text("givenName")}); n != (personName{}) {
		v.Name = &n
	}
	if u.Provider == "" {
		v.Origin = "local"
	}
	if v.Lifecycle == "" {
		v.Lifecycle = directory.LifecycleActive
	}
	return v
}

// rolesOf returns the roles of grants, each once.
func rolesOf(grants []directory.RoleGrant) []directory.RoleID {
	return slices.Compact(mapSlice(grants, func(g directory.RoleGrant) directory.RoleID { return g.Role }))
}

// readEmails reads the addresses that are strings; SCIM ensures that all are.
func readEmails(as attributes) []email {
	out := []email{}
	var raw []json.RawMessage
	_ = json.Unmarshal(as.get("emails"), &raw)
	for _, r := range raw {
		e := readAttributes(r)
		if v := e.text("value"); v != "" {
			out = append(out, email{v, e.text("type"), string(e.get("primary")) == "true"})
		}
	}
	return out
}

func (r *request) searchUsers() (answer, error) {
	q := directory.UserSearch{}
	var err error
	if q.Text, err = r.searchText(); err != nil {
		return answer{}, err
	}
	if err := r.readPlaces(&q); err != nil {
		return answer{}, err
	}
	state, err := r.choice("state", string(directory.DirectoryActive), string(directory.DirectoryInactive),
		string(directory.DirectoryRemoved), string(directory.DirectoryNone))
	if err != nil {
		return answer{}, err
	}
	q.State = directory.DirectoryState(state)
	if err := r.readStates(&q); err != nil {
		return answer{}, err
	}
	if p := r.query.Get("provider"); p == "local" {
		q.Local = true
	} else if q.Provider, err = r.ownProvider(); err != nil {
		return answer{}, err
	}
	if q.Review, err = idQuery[directory.GuardEventID](r, "review"); err != nil {
		return answer{}, err
	}
	if q.After, q.Count, err = r.pageQuery(); err != nil {
		return answer{}, err
	}
	us, next, err := r.as().Users.Search(r.ctx(), q)
	return r.pageOfUsers(us, next, err)
}

// readPlaces reads the parameters organization, role and watchlist.
func (r *request) readPlaces(q *directory.UserSearch) error {
	q.Org, q.Role, q.List = directory.OrgID(r.query.Get("organization")), directory.RoleID(r.query.Get("role")),
		directory.WatchlistID(r.query.Get("watchlist"))
	for _, name := range []string{"organization", "role", "watchlist"} {
		v := r.query.Get(name)
		if r.query.Has(name) && !wellFormed(v) && !(name == "role" && directory.RoleID(v).Valid()) {
			return invalid(fieldError{name, name + " must be an id"})
		}
	}
	return nil
}

// readStates reads the parameters lifecycle, shownState and maySignIn.
func (r *request) readStates(q *directory.UserSearch) error {
	lifecycle, err := r.choice("lifecycle", string(directory.LifecycleActive), string(directory.LifecycleDeactivated),
		string(directory.LifecyclePurged))
	if err != nil {
		return err
	}
	shown, err := r.choice("shownState", mapSlice(directory.ShownStates(), func(s directory.ShownState) string { return string(s) })...)
	if err != nil {
		return err
	}
	maySignIn, err := r.choice("maySignIn", "true", "false")
	if err != nil {
		return err
	}
	q.Lifecycle, q.Shown = directory.Lifecycle(lifecycle), directory.ShownState(shown)
	if maySignIn != "" {
		yes := maySignIn == "true"
		q.MaySignIn = &yes
	}
	return nil
}

// ownProvider returns the parameter provider. The provider may be deleted.
// Errors: NotFound for one that cannot belong to the tenant.
func (r *request) ownProvider() (directory.ProviderID, error) {
	if !r.query.Has("provider") {
		return "", nil
	}
	p := directory.ProviderID(r.query.Get("provider"))
	if t, ok := p.Tenant(); !ok || t != r.key.Tenant {
		return "", directory.Errorf(directory.NotFound, "no such provider")
	}
	return p, nil
}

func (r *request) userID() (directory.UserID, error) {
	return pathID[directory.UserID](r, 0, "user")
}

func (r *request) getUser() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	view, err := r.as().Users.ByID(r.ctx(), id)
	if err != nil {
		return answer{}, err
	}
	v, err := r.seeUser(view.User)
	v.Groups = view.Groups
	if json.Valid(view.Attributes) {
		v.Attributes = view.Attributes
	}
	return answer{version: view.Version, body: v}, err
}

// localUser is a request to create or update a local user: nil keeps a member, "" and an empty list clear it.
type localUser struct {
	userName, displayName, title, department *string
	formatted, familyName, givenName         *string
	noName                                   bool // the whole name is cleared
	emails                                   *[]email
}

var emailForm = regexp.MustCompile(`^[^@\x00-\x20\x7f-\xa0]+@[^@\x00-\x20\x7f-\xa0]+$`)

// members returns the readers of a local user; with patch, null clears an optional member.
func (l *localUser) members(patch bool) members {
	optional := func(p **string) reader {
		read := text(setPtr(p), 1, 255)
		if !patch {
			return read
		}
		return clearable(func() { empty := ""; *p = &empty }, read)
	}
	name := object(func() members {
		return members{"formatted": optional(&l.formatted), "familyName": optional(&l.familyName), "givenName": optional(&l.givenName)}
	})
	emails := l.readEmails
	if patch {
		name = clearable(func() { l.noName = true }, name)
		emails = clearable(func() { l.emails = &[]email{} }, emails)
	}
	return members{
		"userName": text(setPtr(&l.userName), 1, 255), "displayName": optional(&l.displayName), "name": name,
		"title": optional(&l.title), "department": optional(&l.department), "emails": emails,
	}
}

func (l *localUser) readEmails(at string, raw json.RawMessage) []fieldError {
	es, primaries := []email{}, 0
	bad := list(20, func(at string, raw json.RawMessage) []fieldError {
		e := email{Type: "work"}
		m := members{"value": text(set(&e.Value), 3, 254), "type": word(set(&e.Type), "work", "home", "other"),
			"primary": boolean(set(&e.Primary))}
		bad := m.object(at, raw, "value")
		if len(bad) == 0 && !emailForm.MatchString(e.Value) {
			bad = refuse(at+".value", "must be an e-mail address")
		}
		if e.Primary {
			primaries++
		}
		es = append(es, e)
		return bad
	})(at, raw)
	if primaries > 1 {
		bad = append(bad, fieldError{at, "at most one may be primary"})
	}
	l.emails = &es
	return bad
}

// apply returns the user's profile after the request, with the changes for the log.
func (l *localUser) apply(old directory.Profile) (administration.LocalProfile, []directory.Change) {
	before := readAttributes(old.Attributes)
	after := before
	set := func(as attributes, order []string, attr string, to *string) attributes {
		switch {
		case to == nil:
			return as
		case strings.TrimSpace(*to) == "":
			return as.with(order, attr, nil)
		}
		return as.with(order, attr, jsonText(strings.TrimSpace(*to)))
	}
	name := readAttributes(after.get("name"))
	if l.noName {
		name = nil
	}
	name = set(name, nameOrder, "formatted", l.formatted)
	name = set(name, nameOrder, "familyName", l.familyName)
	name = set(name, nameOrder, "givenName", l.givenName)
	after = after.with(userOrder, "name", name.json())
	after = set(after, userOrder, "displayName", l.displayName)
	after = set(after, userOrder, "title", l.title)
	if l.emails != nil {
		after = after.with(userOrder, "emails", emailsJSON(*l.emails))
	}
	enterprise := set(readAttributes(after.get(enterpriseURN)), enterpriseOrder, "department", l.department)
	after = after.with(userOrder, enterpriseURN, enterprise.json())

	p := administration.LocalProfile{UserName: old.UserName, Attributes: after.json()}
	if l.userName != nil {
		p.UserName = strings.TrimSpace(*l.userName)
	}
	for _, e := range readEmails(after) {
		if strings.EqualFold(e.Type, "work") {
			p.WorkEmails = append(p.WorkEmails, e.Value)
		}
	}
	return p, userChanges(old.UserName, p.UserName, before, after)
}

// emailsJSON returns the attribute emails, nil for none, with sub-attributes in SCIM's order.
func emailsJSON(es []email) json.RawMessage {
	if len(es) == 0 {
		return nil
	}
	var elements [][]byte
	for _, e := range es {
		a := attributes{{"value", jsonText(e.Value)}, {"type", jsonText(e.Type)}}
		if e.Primary {
			a = append(a, attribute{"primary", json.RawMessage(strconv.FormatBool(e.Primary))})
		}
		elements = append(elements, a.json())
	}
	return append(append([]byte{'['}, bytes.Join(elements, []byte{','})...), ']')
}

// userChanges lists the attributes that differ, each once; those of the extension under its URN.
func userChanges(nameBefore, nameAfter string, before, after attributes) []directory.Change {
	var out []directory.Change
	if nameBefore != nameAfter {
		c := directory.Change{Attr: directory.AttrUserName, After: jsonText(nameAfter)}
		if nameBefore != "" {
			c.Before = jsonText(nameBefore)
		}
		out = append(out, c)
	}
	for _, attr := range userOrder {
		if b, a := before.get(attr), after.get(attr); !bytes.Equal(b, a) {
			out = append(out, directory.Change{Attr: attr, Before: b, After: a})
		}
	}
	return out
}

func (r *request) createUser() (answer, error) {
	var l localUser
	if err := r.read(l.members(false), "userName"); err != nil {
		return answer{}, err
	}
	p, changes := l.apply(directory.Profile{})
	u, err := r.as().Users.CreateLocal(r.ctx(), p, changes)
	if r.admin.DryRun {
		u.ID = ""
	}
	return r.answerUser(http.StatusCreated, u, err)
}

func (r *request) answerUser(status int, u directory.User, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	v, err := r.seeUser(u)
	return answer{status: status, version: u.Version, location: "/users/" + string(u.ID), body: v}, err
}

func (r *request) updateUser() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	var l localUser
	if err := r.read(l.members(true)); err != nil {
		return answer{}, err
	}
	u, err := r.as().Users.UpdateLocal(r.ctx(), id, func(old directory.User) (administration.LocalProfile, []directory.Change, error) {
		if err := r.ifMatch(old.Version); err != nil {
			return administration.LocalProfile{}, nil, err
		}
		p, changes := l.apply(old.Profile)
		return p, changes, nil
	})
	a, err := r.answerUser(0, u, err)
	a.location = ""
	return a, err
}

// getTimeline reads the log of one user.
func (r *request) getTimeline() (answer, error) {
	id, err := r.userID()
	if err != nil {
		return answer{}, err
	}
	if _, err := r.as().Users.ByID(r.ctx(), id); err != nil {
		return answer{}, err
	}
	return r.pageOfLog(r.as().Logs.Sync, administration.LogFilter{User: id})
}
