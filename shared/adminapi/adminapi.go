// Package adminapi is the admin REST API over HTTP: what administrators, the console and the `rollcall`
// command use to set up providers and to look after users, groups and conflicts.
//
// openapi.yaml is its contract: the tests hold the route table, the roles and every answer to it. The
// package decides nothing about the business: that is package directory. SCIM is package scimapi's.
package adminapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/reqlog"
)

// BasePath is the path before every resource.
const BasePath = "/api/v1/"

// Limits of the API.
const (
	MaxBody         = 256 << 10 // bytes of a request
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// Options configure the handler.
type Options struct {
	// Origin is scheme and host of the public URL, without a slash at the end: locations begin with it.
	Origin string
	// SCIMOrigin is the same for SCIM base URLs; "" means Origin.
	SCIMOrigin string
	// NewID makes the id of a request that the middleware gave none; required.
	NewID func() string
	// MaxExport is how many bytes an exported log may have, where an answer cannot be streamed (API Gateway and Lambda);
	// a longer one is refused with 413. 0: any number.
	MaxExport int
}

// Route is one operation of the API.
type Route struct {
	Method    string
	Path      string                // below /api/v1, with {id} and perhaps an :action at the end
	Operation string                // operationId in the document
	Roles     []directory.AdminRole // who may; nobody else
}

// route is a Route with what answers it.
type route struct {
	Route
	query []string // the parameters it knows
	do    func(*request) (answer, error)
}

var (
	administrators = []directory.AdminRole{directory.RoleAdministrator}
	readers        = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer}
	userReaders    = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold, directory.RoleHelpDesk}
	operators      = []directory.AdminRole{directory.RoleOperator}
	logReaders     = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleAuditor}
)

var (
	pageQuery = []string{"cursor", "limit"}
	dryQuery  = []string{"dryRun"}
	logFilter = []string{"provider", "user", "group", "action", "effect", "result", "organization", "role", "cause", "search", "since",
		"until"}
	logQuery = append([]string{"cursor", "limit"}, logFilter...)
)

// The methods, as the tables write them.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes are the tables of all nouns.
func routes() []route {
	return slices.Concat(
		apiKeyRoutes(), applyRunRoutes(), configRoutes(), conflictRoutes(), deactivationRoutes(), decisionRoutes(), deliveryRoutes(),
		exportRoutes(), groupRoutes(), guardRoutes(), legalHoldRoutes(),
		logRoutes(), mappingRoutes(), organizationRoutes(), placementRoutes(), providerRoutes(), reportRoutes(), roleRoutes(), systemRoutes(),
		tenantRoutes(), userRoutes(), watchlistRoutes(), webhookRoutes(),
	)
}

// orOperator is roles and the operator's, who has a log and keys, too.
func orOperator(roles []directory.AdminRole) []directory.AdminRole {
	return append(slices.Clone(roles), directory.RoleOperator)
}

// Routes is the route table of the API: every operation that needs a key.
func Routes() []Route {
	var out []Route
	for _, r := range routes() {
		out = append(out, r.Route)
	}
	return out
}

// api answers the requests. Safe for concurrent use.
type api struct {
	svc    *administration.Service
	opts   Options
	routes []route
}

// Handler returns the handler of everything below BasePath. It is meant to stand inside reqlog.Handler.
func Handler(svc *administration.Service, o Options) http.Handler {
	if o.SCIMOrigin == "" {
		o.SCIMOrigin = o.Origin
	}
	return &api{svc: svc, opts: o, routes: routes()}
}

// ServeHTTP implements http.Handler. The credential comes before every other question, then the path, the
// method, the role, and what the request says.
func (a *api) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store") // answers hold personal data, some a secret
	h.Set("X-Content-Type-Options", "nosniff")
	if hr.Method == http.MethodGet && document(w, hr.URL.Path) {
		return
	}
	r := &request{api: a, w: w, r: hr, id: reqlog.RequestID(hr.Context())}
	if r.id == "" {
		r.id = a.opts.NewID()
	}
	if err := r.authenticate(); err != nil {
		r.fail(err)
		return
	}
	if err := r.find(); err != nil {
		r.fail(err)
		return
	}
	r.answer()
}

// find sets the route that the request asks for, and the ids in its path, and checks the role.
func (r *request) find() error {
	segments := splitPath(r.r.URL)
	var allowed []string
	for i := range r.api.routes {
		rt := &r.api.routes[i]
		ids, ok := rt.match(segments)
		if !ok {
			continue
		}
		if rt.Method == r.r.Method {
			r.route, r.ids = rt, ids
			break
		}
		allowed = append(allowed, rt.Method)
	}
	switch {
	case r.route == nil && len(allowed) > 0:
		r.w.Header().Set("Allow", strings.Join(allowed, ", "))
		return faultf(http.StatusMethodNotAllowed, "method not allowed here")
	case r.route == nil:
		return faultf(http.StatusNotFound, "no such resource")
	}
	r.note(segments[0])
	if !slices.Contains(r.route.Roles, r.key.Role) {
		return directory.Errorf(directory.Forbidden, "the key's role may not do this")
	}
	return nil
}

// note tells the request's log event what it is about: names of ours and well-formed ids only.
func (r *request) note(resource string) {
	ctx := r.ctx()
	reqlog.Set(ctx, "op", r.route.Operation)
	reqlog.Set(ctx, "resource_type", resource)
	if len(r.ids) > 0 && wellFormed(r.ids[0]) {
		if resource == "providers" {
			reqlog.Set(ctx, "provider_id", r.ids[0])
		}
		if last := r.ids[len(r.ids)-1]; wellFormed(last) {
			reqlog.Set(ctx, "resource_id", last)
		}
	}
}

// splitPath returns the segments below BasePath, nil when one of them names nothing.
func splitPath(u *url.URL) []string {
	rest, ok := strings.CutPrefix(u.EscapedPath(), BasePath)
	if !ok {
		return nil
	}
	segments := strings.Split(rest, "/")
	for i, s := range segments {
		text, err := url.PathUnescape(s)
		if err != nil || text == "" {
			return nil
		}
		segments[i] = text
	}
	return segments
}

// match returns the ids in a path of the route.
func (rt *route) match(segments []string) (ids []string, ok bool) {
	want := strings.Split(rt.Path[1:], "/")
	if len(want) != len(segments) {
		return nil, false
	}
	for i, w := range want {
		action, isID := strings.CutPrefix(w, "{id}")
		if !isID {
			if w != segments[i] {
				return nil, false
			}
			continue
		}
		id, has, _ := strings.Cut(segments[i], ":")
		if (action == "" && id != segments[i]) || (action != "" && action != ":"+has) {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// wellFormed reports whether id could be one of ours: anything else is not looked for, nor logged.
func wellFormed(id string) bool {
	return id != "" && len(id) <= 32 && strings.IndexFunc(id, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) < 0
}

var (
	unblockers  = []directory.AdminRole{directory.RoleAdministrator, directory.RoleHelpDesk}
	holders     = []directory.AdminRole{directory.RoleLegalHold} // separate from who provisions
	reportQuery = []string{"provider", "cursor", "limit"}
	holdReaders = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold, directory.RoleAuditor}
)

var (
	csvQuery = []string{"cursor", "limit"}
	orgQuery = []string{"cursor", "limit", "search", "state"}
)
