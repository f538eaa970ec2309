package adminapi

import (
	"encoding/json"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func configRoutes() []route {
	return []route{
		{Route{get, "/config", "exportConfig", readers}, nil, (*request).exportConfig},
		{Route{post, "/config:plan", "planConfig", administrators}, dryQuery, (*request).planConfig},
		{Route{post, "/config:apply", "applyConfig", administrators}, dryQuery, (*request).applyConfig},
	}
}

type tenantConfig struct {
	Organizations []orgConfig     `json:"organizations"`
	Roles         []roleConfig    `json:"roles"`
	Providers     []mappingConfig `json:"providers"`
}

type orgConfig struct {
	Name         string             `json:"name"`
	Parent       string             `json:"parent,omitempty"`
	ExternalRef  string             `json:"externalRef,omitempty"`
	DefaultRoles []directory.RoleID `json:"defaultRoles"`
	Blocked      bool               `json:"blocked"`
}

type roleConfig struct {
	ID          directory.RoleID `json:"id"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Privileged  bool             `json:"privileged"`
}

type mappingConfig struct {
	Provider            string        `json:"provider"`
	OrganizationMapping orgMapConfig  `json:"organizationMapping"`
	RoleMapping         roleMapConfig `json:"roleMapping"`
}

type orgMapConfig struct {
	Method       directory.OrgMethod `json:"method"`
	Organization string              `json:"organization,omitempty"`
	Attribute    string              `json:"attribute,omitempty"`
	Template     string              `json:"template,omitempty"`
	Mappings     []orgEntryConfig    `json:"mappings"`
}

type orgEntryConfig struct {
	Groups       []string `json:"groups"`
	Organization string   `json:"organization"`
}

type roleMapConfig struct {
	Mode     directory.RoleMode `json:"mode"`
	Strict   bool               `json:"strict"`
	Mappings []roleEntryConfig  `json:"mappings"`
}

type roleEntryConfig struct {
	Groups []string           `json:"groups"`
	Roles  []directory.RoleID `json:"roles"`
}

func (r *request) exportConfig() (answer, error) {
	c, err := r.as().Config.Export(r.ctx())
	v := tenantConfig{
		Organizations: mapSlice(c.Organizations, func(o administration.OrgConfig) orgConfig {
			return orgConfig{o.Name, o.Parent, o.ExternalRef, nonNil(o.DefaultRoles), o.Blocked}
		}),
		Roles: mapSlice(c.Roles, func(r directory.CatalogueRole) roleConfig {
			return roleConfig{r.ID, r.Name, r.Description, r.Privileged}
		}),
		Providers: mapSlice(c.Providers, func(m administration.MappingConfig) mappingConfig {
			return mappingConfig{m.Provider,
				orgMapConfig{m.Method, m.Organization, m.Attribute, m.Template,
					mapSlice(m.Orgs, func(o administration.OrgMappingConfig) orgEntryConfig {
						return orgEntryConfig{nonNil(o.Groups), o.Organization}
					})}, roleMapConfig{m.Mode, m.Strict, mapSlice(m.Roles, func(r administration.RoleMappingConfig) roleEntryConfig {
					return roleEntryConfig{nonNil(r.Groups), nonNil(r.Roles)}
				})}}
		}),
	}
	return answer{body: v}, err
}

// Limits of a configuration.
const (
	maxConfigOrgs = 2000
	maxConfigName = 255
)

// readConfig reads a configuration, and reports whether privileged roles are confirmed.
func (r *request) readConfig() (c administration.TenantConfig, confirm bool, err error) {
	err = r.read(members{
		"organizations": elements(maxConfigOrgs, &c.Organizations, func(o *administration.OrgConfig) members {
			return members{
				"name": text(set(&o.Name), 1, maxConfigName), "parent": text(set(&o.Parent), 0, maxConfigName),
				"externalRef":  text(set(&o.ExternalRef), 0, maxConfigName),
				"defaultRoles": roleIDs(set(&o.DefaultRoles)), "blocked": boolean(set(&o.Blocked)),
			}
		}, "name"),
		"roles": elements(directory.MaxRoles, &c.Roles, func(c *directory.CatalogueRole) members {
			return members{
				"id": text(func(s string) { c.ID = directory.RoleID(s) }, 1, 64), "name": text(set(&c.Name), 1, 100),
				"description": text(set(&c.Description), 0, 500), "privileged": boolean(set(&c.Privileged)),
			}
		}, "id", "name"),
		"providers":         elements(100, &c.Providers, readMappingConfig, "provider", "organizationMapping", "roleMapping"),
		"confirmPrivileged": boolean(set(&confirm)),
	})
	return c, confirm, err
}

func readMappingConfig(m *administration.MappingConfig) members {
	names := func(to func([]string)) reader {
		return func(at string, raw json.RawMessage) []fieldError {
			out := []string{}
			bad := list(directory.MaxMappedGroups, text(func(s string) { out = append(out, s) }, 1, 1024))(at, raw)
			to(out)
			return bad
		}
	}
	return members{
		"provider": text(set(&m.Provider), 1, 100),
		"organizationMapping": object(func() members {
			return members{
				"method":       word(func(s string) { m.Method = directory.OrgMethod(s) }, methods...),
				"organization": text(set(&m.Organization), 0, maxConfigName), "attribute": text(set(&m.Attribute), 0, 300),
				"template": text(set(&m.Template), 0, maxConfigName),
				"mappings": elements(directory.MaxMappings, &m.Orgs, func(o *administration.OrgMappingConfig) members {
					return members{"groups": names(set(&o.Groups)), "organization": text(set(&o.Organization), 1, maxConfigName)}
				}, "groups", "organization"),
			}
		}, "method"),
		"roleMapping": object(func() members {
			return members{
				"mode":   word(func(s string) { m.Mode = directory.RoleMode(s) }, string(directory.RolesManual), string(directory.RolesGroups)),
				"strict": boolean(set(&m.Strict)),
				"mappings": elements(directory.MaxMappings, &m.Roles, func(r *administration.RoleMappingConfig) members {
					return members{"groups": names(set(&r.Groups)), "roles": roleIDs(set(&r.Roles))}
				}, "groups", "roles"),
			}
		}, "mode"),
	}
}

// elements reads a list of objects.
func elements[T any](limit int, to *[]T, of func(*T) members, required ...string) reader {
	return list(limit, func(at string, raw json.RawMessage) []fieldError {
		var v T
		bad := of(&v).object(at, raw, required...)
		*to = append(*to, v)
		return bad
	})
}

type configPlan struct {
	ID      string         `json:"id"`
	Changes []configChange `json:"changes"`
	DryRun  bool           `json:"dryRun,omitempty"`
}

type configChange struct {
	Sign string `json:"sign"`
	Text string `json:"text"`
}

// answerConfig applies a configuration, or plans its changes.
func (r *request) answerConfig(plan bool) (answer, error) {
	c, confirm, err := r.readConfig()
	if err != nil {
		return answer{}, err
	}
	a := r.admin
	a.DryRun = a.DryRun || plan
	changes, err := r.api.svc.As(a).Config.Apply(r.ctx(), c, confirm || plan) // a plan needs no confirmation
	return answer{
		body: configPlan{"config", mapSlice(changes, func(c administration.ConfigChange) configChange { return configChange(c) }),
			r.admin.DryRun},
	}, err
}

func (r *request) planConfig() (answer, error) { return r.answerConfig(true) }

func (r *request) applyConfig() (answer, error) { return r.answerConfig(false) }
