// Package scimapi is SCIM 2.0 over HTTP (RFC 7644): a handler per Lambda, authentication, the codec between SCIM JSON
// and package directory, and the one map from errors to status codes.
//
// It is the only package that knows both scim (the protocol) and directory (the business). Every request passes one
// gate: it is authenticated by the provider record, which is read in the same round trip as the resource (ADR 7). The
// rules C1 to C21 are in docs/divergences.md.
package scimapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/entra"
	"rollcall/shared/provisioning"
	"rollcall/shared/reqlog"
	"rollcall/shared/scim"
)

// BasePath is the path before the provider's id.
const BasePath = "/scim/v2/"

// Options configure the handlers.
type Options struct {
	// Origin is scheme and host of the public URL, such as https://scim.example.com, without a slash at the end.
	// Locations and references begin with it, never with the host of a request.
	Origin string
	// MaxInFlight is the limit of concurrent requests, above which the answer is 429; 0: no limit.
	MaxInFlight int
}

// API serves the endpoints it was created for. Safe for concurrent use.
type API struct {
	svc       *provisioning.Service
	opts      Options
	endpoints map[string]endpoint
	inFlight  chan struct{}
	readOnly  bool     // it may not write to the store, not even usage
	types     sync.Map // directory.ProviderID → *types, of the provider's version
}

// endpoint answers the requests whose path begins with its name.
type endpoint func(*request)

func newAPI(svc *provisioning.Service, o Options) *API {
	a := &API{svc: svc, opts: o, endpoints: map[string]endpoint{}}
	if o.MaxInFlight > 0 {
		a.inFlight = make(chan struct{}, o.MaxInFlight)
	}
	return a
}

// Users returns the handler of /Users and below.
func Users(svc *provisioning.Service, o Options) http.Handler {
	a := newAPI(svc, o)
	a.endpoints["Users"] = users.answer
	return a
}

// Groups returns the handler of /Groups and below.
func Groups(svc *provisioning.Service, o Options) http.Handler {
	a := newAPI(svc, o)
	a.endpoints["Groups"] = groups.answer
	return a
}

// Discovery returns the handler of /ServiceProviderConfig, /ResourceTypes, /Schemas and /Me.
func Discovery(svc *provisioning.Service, o Options) http.Handler {
	a := newAPI(svc, o)
	a.readOnly = true
	a.addDiscovery()
	return a
}

// Bulk returns the handler of /Bulk and the root /.search, and of /Users and /Groups in another case, which the gateway
// does not know (C33).
func Bulk(svc *provisioning.Service, o Options) http.Handler {
	a := newAPI(svc, o)
	a.endpoints["Users"], a.endpoints["Groups"] = users.answer, groups.answer
	a.endpoints["Bulk"], a.endpoints[".search"] = (*request).bulk, a.rootSearch
	return a
}

// Handler returns one handler of all endpoints, for `rollcall serve`.
func Handler(svc *provisioning.Service, o Options) http.Handler {
	a := newAPI(svc, o)
	a.endpoints["Users"], a.endpoints["Groups"], a.endpoints[".search"] = users.answer, groups.answer, a.rootSearch
	a.endpoints["Bulk"] = (*request).bulk
	a.addDiscovery()
	return a
}

func (a *API) addDiscovery() {
	a.endpoints["ServiceProviderConfig"] = a.serviceProviderConfig
	a.endpoints["ResourceTypes"] = a.resourceTypes
	a.endpoints["Schemas"] = a.schemas
	a.endpoints["Me"] = a.me
}

// Route is one row of the route table that feeds the handlers, the gateway and the local server.
type Route struct {
	Path     string // below /scim/v2/{providerId}
	Function string // the Lambda under functions/ that answers it
	Methods  []string
}

// Rest is the function that answers the paths that are not in the route table: it can serve Users and Groups in another
// case, which the gateway does not match (C33).
const Rest = "bulk"

// Routes is the route table of SCIM.
func Routes() []Route {
	get, post := []string{http.MethodGet}, []string{http.MethodPost}
	return []Route{
		{"/Users", "users", []string{http.MethodGet, http.MethodPost}},
		{"/Users/.search", "users", post},
		{"/Users/{id}", "users", []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}},
		{"/Groups", "groups", []string{http.MethodGet, http.MethodPost}},
		{"/Groups/.search", "groups", post},
		{"/Groups/{id}", "groups", []string{http.MethodGet, http.MethodPut, http.MethodPatch, http.MethodDelete}},
		{"/ServiceProviderConfig", "discovery", get},
		{"/ResourceTypes", "discovery", get},
		{"/ResourceTypes/{id}", "discovery", get},
		{"/Schemas", "discovery", get},
		{"/Schemas/{id}", "discovery", get},
		{"/Me", "discovery", []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}},
		{"/Bulk", "bulk", post},
		{"/.search", "bulk", post},
	}
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	h := w.Header()
	h["Cache-Control"], h["X-Content-Type-Options"] = noStore, noSniff
	r := a.request(w, hr)
	if r.caller.Provider.MayHaveIssued(r.caller.Token) { // a stranger is not listened to
		r.payload = receive(w, hr)
	}
	if r.payload.err != nil { // a client that stopped midway may look gone to net/http, and still waits for the answer
		r.r = hr.WithContext(context.WithoutCancel(hr.Context()))
	}
	if a.inFlight != nil { // a place is taken when the request has come, so that slow senders hold none
		select {
		case a.inFlight <- struct{}{}:
			defer func() { <-a.inFlight }()
		default:
			w.Header().Set("Retry-After", "1")
			writeError(w, hr, scim.Errorf(http.StatusTooManyRequests, "", "too many requests at once"))
			return
		}
	}
	a.serve(r)
}

var noStore, noSniff = []string{"no-store"}, []string{"nosniff"}

// request reads what a request asks for and who asks, but not its body.
func (a *API) request(w http.ResponseWriter, hr *http.Request) *request {
	provider, segments := splitPath(hr.URL)
	return &request{
		api: a, w: w, r: hr, segments: segments,
		base: a.opts.Origin + BasePath + url.PathEscape(provider),
		caller: provisioning.Caller{
			Provider: directory.ProviderID(provider), Token: bearer(hr.Header.Get("Authorization")),
			RequestID:       directory.RequestID(reqlog.RequestID(hr.Context())),
			ClientRequestID: directory.RequestID(clientRequestID(hr.Header)),
		},
	}
}

func (a *API) serve(r *request) {
	if !a.readOnly {
		defer a.svc.WriteUsage(r.caller.Provider)
	}
	reqlog.Set(r.context(), "provider_id", knownForm(r.caller.Provider))
	if len(r.segments) > 0 {
		name := canonical(r.segments[0])
		if answer, known := a.endpoints[name]; known {
			reqlog.Set(r.context(), "resource_type", name)
			answer(r)
			return
		}
	}
	r.refuse(scim.Errorf(http.StatusNotFound, "", "no such endpoint"))
}

// canonical returns Users and Groups in their spelling, whatever their case (C33).
func canonical(segment string) string {
	for _, name := range []string{"Users", "Groups"} {
		if strings.EqualFold(segment, name) {
			return name
		}
	}
	return segment
}

// splitPath returns the provider's id and the segments after it. Empty segments are dropped: customers end the base URL
// with a slash, and Entra then asks for //Users. With a dot segment, or one with an encoded slash, there are no segments.
func splitPath(u *url.URL) (provider string, segments []string) {
	rest, ok := strings.CutPrefix(u.EscapedPath(), BasePath)
	if !ok {
		return "", nil
	}
	for s := range strings.SplitSeq(rest, "/") {
		if s == "" {
			continue
		}
		text, err := url.PathUnescape(s)
		if err != nil || text == "." || text == ".." || strings.ContainsAny(text, "/\\") {
			return provider, nil
		}
		if provider == "" {
			provider = text
			continue
		}
		segments = append(segments, text)
	}
	return provider, segments
}

// knownForm returns p when it has the form of a provider's id, and else "": no other text gets into the log.
func knownForm(p directory.ProviderID) string {
	if _, ok := p.Tenant(); ok {
		return string(p)
	}
	return ""
}

// bearer returns the token of an Authorization header (RFC 6750 §2.1), or "".
func bearer(header string) string {
	scheme, token, ok := strings.Cut(header, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// clientRequestID returns the client's own id of the request when it is safe to keep.
func clientRequestID(h http.Header) string {
	id := h.Get("client-request-id")
	if len(id) > 64 || strings.ContainsFunc(id, func(r rune) bool {
		return r != '-' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return ""
	}
	return id
}

// types holds the resource types and the dialect of one provider.
type types struct {
	provider    directory.Provider // its version and matching attributes
	user, group *scim.ResourceType
	tolerance   scim.Tolerance
	profile     entra.Profile

	userExtensions []string // URNs, in the order of the schemas
}

var (
	baseUser = scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema(),
		scim.RollcallUserSchema())
	baseGroup = scim.NewResourceType("Group", "/Groups", "Group", scim.GroupSchema())
	// baseTypes serve to estimate the data to read before the provider is known.
	baseTypes = &types{user: baseUser, group: baseGroup, tolerance: entra.Entra.Tolerance(), profile: entra.Entra,
		userExtensions: baseExtensions}
	baseExtensions = []string{scim.EnterpriseURN, scim.RollcallURN}
)

// typesOf returns the types of a provider; those with custom extensions are compiled once per version.
func (a *API) typesOf(p directory.Provider) (*types, error) {
	if cached, ok := a.types.Load(p.ID); ok && cached.(*types).provider.Version == p.Version {
		return cached.(*types), nil
	}
	t := &types{provider: directory.Provider{Version: p.Version, Matching: p.Matching},
		user: baseUser, group: baseGroup, profile: entra.Profile(p.Profile), userExtensions: baseExtensions}
	t.tolerance = t.profile.Tolerance()
	if len(p.Extensions) > 0 {
		ext := []*scim.Schema{scim.EnterpriseUserSchema(), scim.RollcallUserSchema()}
		for _, e := range p.Extensions {
			s, err := ExtensionSchema(e)
			if err != nil {
				return nil, err
			}
			ext = append(ext, s)
			t.userExtensions = append(t.userExtensions[:len(t.userExtensions):len(t.userExtensions)], s.ID)
		}
		t.user = scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), ext...)
	}
	a.types.Store(p.ID, t)
	return t, nil
}

// lastTypes returns the types of a provider at its last request, the usual ones before the first.
func (a *API) lastTypes(p directory.ProviderID) *types {
	if cached, ok := a.types.Load(p); ok {
		return cached.(*types)
	}
	return baseTypes
}

// ExtensionSchema compiles a custom extension. The error describes a fault in it.
func ExtensionSchema(e directory.Extension) (*scim.Schema, error) {
	attrs := make([]scim.Attribute, len(e.Attributes))
	for i, a := range e.Attributes {
		attrs[i] = scim.Attribute{Name: a.Name, Type: a.Type, CaseExact: a.CaseExact}
	}
	return scim.NewExtension(e.URN, e.Name, attrs)
}

// admit returns the step that follows authentication on every endpoint: it keeps the provider and its types, then calls
// also.
func (r *request) admit(also func() error) directory.Admit {
	return func(p directory.Provider) error {
		t, err := r.api.typesOf(p)
		if err != nil {
			return err
		}
		r.provider, r.types = p, t
		if also != nil {
			return also()
		}
		return nil
	}
}

// refuse answers an error, but 401 to an unauthenticated caller, who must not learn more.
func (r *request) refuse(err error) {
	if authErr := r.api.svc.Authorize(r.context(), r.caller, nil); authErr != nil {
		err = authErr
	}
	r.fail(err)
}

func (r *request) context() context.Context { return r.r.Context() }
