// Package adminapi is the admin REST API over HTTP. Administrators, the console and the `rollcall` command use it to
// set up providers and to manage users, groups and conflicts.
//
// openapi.yaml is its contract: the tests compare the route table, the roles and every answer with it. The package has
// no business rules: those are in package administration. SCIM is in package scimapi.
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
	// Origin is scheme and host of the public URL, without a slash at the end, for locations.
	Origin string
	// SCIMOrigin is the same for SCIM base URLs; "" means Origin.
	SCIMOrigin string
	// NewID returns the id for a request without one from the middleware; required.
	NewID func() string
	// MaxExport limits the bytes of an exported log where an answer cannot be streamed (API Gateway and Lambda); a
	// longer one is refused with 413. 0: no limit.
	MaxExport int
}

// Route is one operation of the API.
type Route struct {
	Method    string
	Path      string                // below /api/v1, with {id} and optionally an :action at the end
	Operation string                // operationId in the document
	Roles     []directory.AdminRole // the only roles that may call it
}

// route is a Route with its handler.
type route struct {
	Route
	query []string // its query parameters
	do    func(*request) (answer, error)
}

var (
	administrators = []directory.AdminRole{directory.RoleAdministrator}
	readers        = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer}
	userReaders    = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold, directory.RoleHelpDesk}
	operators      = []directory.AdminRole{directory.RoleOperator}
	logReaders     = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleAuditor}
	unblockers     = []directory.AdminRole{directory.RoleAdministrator, directory.RoleHelpDesk}
	holders        = []directory.AdminRole{directory.RoleLegalHold} // separate from the administrators
	holdReaders    = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold, directory.RoleAuditor}
	holdExporters  = []directory.AdminRole{directory.RoleAdministrator, directory.RoleViewer, directory.RoleLegalHold} // it has user names
)

var (
	pageQuery   = []string{"cursor", "limit"}
	orgQuery    = []string{"cursor", "limit", "search", "state"}
	reportQuery = []string{"provider", "cursor", "limit"}
	dryQuery    = []string{"dryRun"}
	logFilter   = []string{"provider", "user", "group", "action", "effect", "result", "organization", "role", "cause", "search", "since",
		"until"}
	logQuery = append([]string{"cursor", "limit"}, logFilter...)
)

// The methods, short for the route tables.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	put   = http.MethodPut
	patch = http.MethodPatch
	del   = http.MethodDelete
)

// routes returns the route tables of all nouns.
func routes() []route {
	return slices.Concat(
		apiKeyRoutes(), applyRunRoutes(), configRoutes(), conflictRoutes(), deactivationRoutes(), decisionRoutes(),
		deliveryRoutes(), exportRoutes(), groupRoutes(), guardRoutes(), legalHoldRoutes(), logRoutes(),
		orgMappingRoutes(), organizationRoutes(), placementRoutes(), proposalRoutes(), providerRoutes(), reportRoutes(),
		roleMappingRoutes(), roleRoutes(), systemRoutes(), taskRoutes(), tenantRoutes(), tokenRoutes(), userRoutes(),
		watchlistRoutes(), webhookRoutes(),
	)
}

// orOperator returns roles and the operator, who also has a log and keys.
func orOperator(roles []directory.AdminRole) []directory.AdminRole {
	return append(slices.Clone(roles), directory.RoleOperator)
}

// Routes returns the route table of the API: every operation that needs a key.
func Routes() []Route {
	var out []Route
	for _, r := range routes() {
		out = append(out, r.Route)
	}
	return out
}

// api is the handler of the API. Safe for concurrent use.
type api struct {
	svc    *administration.Service
	opts   Options
	routes []route
}

// Handler returns the handler of everything below BasePath, to be wrapped in reqlog.Handler.
func Handler(svc *administration.Service, o Options) http.Handler {
	if o.SCIMOrigin == "" {
		o.SCIMOrigin = o.Origin
	}
	return &api{svc: svc, opts: o, routes: routes()}
}

// ServeHTTP implements http.Handler. It checks the credential first, then the path, the method, the role, and the
// content of the request.
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
	defer a.svc.WriteKeyUse(r.key)
	if err := r.find(); err != nil {
		r.fail(err)
		return
	}
	r.answer()
}

// find sets the route of the request and the ids in its path, and checks the role.
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
	r.logRoute(segments[0])
	if !slices.Contains(r.route.Roles, r.key.Role) {
		return directory.Errorf(directory.Forbidden, "the key's role may not do this")
	}
	return nil
}

// logRoute adds the operation and the ids to the request's log event: our own names and well-formed ids only.
func (r *request) logRoute(resource string) {
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

// splitPath returns the segments below BasePath, nil when one of them is empty or malformed.
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

// match returns the ids in a path if it is one of the route.
func (rt *route) match(segments []string) (ids []string, ok bool) {
	want := strings.Split(rt.Path[1:], "/")
	if len(want) != len(segments) {
		return nil, false
	}
	for i, w := range want {
		wantAction, isID := strings.CutPrefix(w, "{id}")
		if !isID {
			if w != segments[i] {
				return nil, false
			}
			continue
		}
		id, action, _ := strings.Cut(segments[i], ":")
		if (wantAction == "" && id != segments[i]) || (wantAction != "" && wantAction != ":"+action) {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

// wellFormed reports whether id could be one of ours: others are neither looked up nor logged.
func wellFormed(id string) bool {
	return id != "" && len(id) <= 32 && strings.IndexFunc(id, func(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'z') }) < 0
}
