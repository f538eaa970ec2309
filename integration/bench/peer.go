package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/elimity-com/scim"
	"github.com/elimity-com/scim/errors"
	"github.com/elimity-com/scim/optional"
	"github.com/elimity-com/scim/schema"
	filter "github.com/scim2/filter-parser/v2"
)

// peerStore is the peer's in-memory sample with a mutex: a map, no log, no transaction. It favours the peer: a filter
// that the library has parsed costs one map access, and adding a member appends to a slice without searching for it.
type peerStore struct {
	mu     sync.Mutex
	next   int
	data   map[string]scim.ResourceAttributes
	byName map[string]string
}

func newPeer() http.Handler {
	users := &peerStore{data: map[string]scim.ResourceAttributes{}, byName: map[string]string{}}
	groups := &peerStore{data: map[string]scim.ResourceAttributes{}, byName: map[string]string{}}
	server, err := scim.NewServer(&scim.ServerArgs{
		ServiceProviderConfig: &scim.ServiceProviderConfig{SupportFiltering: true, SupportPatch: true},
		ResourceTypes: []scim.ResourceType{
			{ID: optional.NewString("User"), Name: "User", Endpoint: "/Users", Schema: schema.CoreUserSchema(), Handler: users,
				SchemaExtensions: []scim.SchemaExtension{{Schema: schema.ExtensionEnterpriseUser()}}},
			{ID: optional.NewString("Group"), Name: "Group", Endpoint: "/Groups", Schema: schema.CoreGroupSchema(), Handler: groups},
		},
	})
	if err != nil {
		panic(err)
	}
	return server
}

func (s *peerStore) resource(id string, a scim.ResourceAttributes) scim.Resource {
	now := time.Now()
	return scim.Resource{ID: id, Attributes: a, Meta: scim.Meta{Created: &now, LastModified: &now, Version: "1"}}
}

// Create implements scim.ResourceHandler.
func (s *peerStore) Create(_ *http.Request, a scim.ResourceAttributes) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name, _ := a["userName"].(string)
	if name == "" {
		name, _ = a["displayName"].(string)
	}
	key := strings.ToLower(name)
	if _, taken := s.byName[key]; taken {
		return scim.Resource{}, errors.ScimErrorUniqueness
	}
	s.next++
	id := fmt.Sprintf("%026d", s.next)
	s.data[id], s.byName[key] = a, id
	return s.resource(id, a), nil
}

// Get implements scim.ResourceHandler.
func (s *peerStore) Get(_ *http.Request, id string) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.data[id]
	if !ok {
		return scim.Resource{}, errors.ScimErrorResourceNotFound(id)
	}
	return s.resource(id, a), nil
}

// GetAll implements scim.ResourceHandler.
func (s *peerStore) GetAll(_ *http.Request, p scim.ListRequestParams) (scim.Page, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.FilterValidator != nil {
		e, ok := p.FilterValidator.GetFilter().(*filter.AttributeExpression)
		if !ok {
			return scim.Page{}, errors.ScimErrorInvalidFilter
		}
		id, found := s.byName[strings.ToLower(e.CompareValue.(string))]
		if !found {
			return scim.Page{}, nil
		}
		return scim.Page{TotalResults: 1, Resources: []scim.Resource{s.resource(id, s.data[id])}}, nil
	}
	page := scim.Page{TotalResults: len(s.data)}
	for i := p.StartIndex; i < p.StartIndex+p.Count && i <= s.next; i++ {
		id := fmt.Sprintf("%026d", i)
		page.Resources = append(page.Resources, s.resource(id, s.data[id]))
	}
	return page, nil
}

// Replace implements scim.ResourceHandler.
func (s *peerStore) Replace(_ *http.Request, id string, a scim.ResourceAttributes) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data[id] = a
	return s.resource(id, a), nil
}

// Delete implements scim.ResourceHandler.
func (s *peerStore) Delete(_ *http.Request, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.data, id)
	return nil
}

// Patch implements scim.ResourceHandler.
func (s *peerStore) Patch(_ *http.Request, id string, ops []scim.PatchOperation) (scim.Resource, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.data[id]
	if !ok {
		return scim.Resource{}, errors.ScimErrorResourceNotFound(id)
	}
	for _, op := range ops {
		path := op.Path.String()
		if path == "members" {
			list, _ := a[path].([]any)
			values, _ := op.Value.([]any)
			a[path] = append(list, values...)
			return scim.Resource{}, nil // 204
		}
		a[path] = op.Value
	}
	return s.resource(id, a), nil
}
