package adminapi

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"net/http"
	"slices"
	"sync"

	"rollcall/shared/directory"
	"rollcall/shared/release"
)

func systemRoutes() []route {
	return []route{
		{Route{get, "/me", "getMe", orOperator(directory.AdminRoles())}, nil, (*request).getMe},
		{Route{get, "/version", "getVersion", orOperator(directory.AdminRoles())}, nil, (*request).getVersion},
	}
}

// compressed is openapi.yaml as compressed JSON; a test keeps them equal.
//
//go:embed openapi.json.gz
var compressed []byte

// Document returns the OpenAPI document of the API, as JSON.
var Document = sync.OnceValue(func() []byte {
	var text []byte
	r, err := gzip.NewReader(bytes.NewReader(compressed))
	if err == nil {
		text, err = io.ReadAll(r)
	}
	if err != nil {
		panic(err) // our own test compressed it
	}
	return text
})

// document answers a request for the OpenAPI document, which needs no key.
func document(w http.ResponseWriter, path string) bool {
	if path != BasePath+"openapi.json" {
		return false
	}
	rendered{Status: http.StatusOK, Header: map[string]string{"Content-Type": "application/json"}, Body: Document()}.write(w)
	return true
}

// me is a key with its tenant and permissions.
type me struct {
	Tenant struct {
		ID          directory.TenantID `json:"id"`
		DisplayName string             `json:"displayName"`
	} `json:"tenant"`
	Key         apiKey   `json:"key"`
	Permissions []string `json:"permissions"` // operationIds, sorted
}

func (r *request) getMe() (answer, error) {
	t := directory.Tenant{ID: directory.OperatorScope, DisplayName: "Operators"} // not a tenant, but the scope of their keys
	if r.key.Tenant != directory.OperatorScope {
		var err error
		if t, err = r.as().Settings.Get(r.ctx()); err != nil {
			return answer{}, err
		}
	}
	var m me
	m.Tenant.ID, m.Tenant.DisplayName, m.Key = t.ID, t.DisplayName, r.viewAPIKey(r.key)
	for i := range r.api.routes {
		if rt := &r.api.routes[i]; slices.Contains(rt.Roles, r.key.Role) {
			m.Permissions = append(m.Permissions, rt.Operation)
		}
	}
	slices.Sort(m.Permissions)
	return answer{body: m}, nil
}

// version is the running build.
type version struct {
	API       string `json:"api"`
	Version   string `json:"version"`
	Revision  string `json:"revision,omitempty"`
	GoVersion string `json:"goVersion"`
}

func (r *request) getVersion() (answer, error) {
	b := release.Build()
	return answer{body: version{API: "v1", Version: b.Version, Revision: b.Revision, GoVersion: b.Go}}, nil
}
