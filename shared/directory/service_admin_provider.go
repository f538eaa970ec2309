package directory

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// Limits of custom extensions, which are part of the provider's record (at most 4 KB).
const (
	MaxExtensions          = 5
	MaxExtensionAttributes = 25   // of all extensions of a provider together
	MaxExtensionBytes      = 1500 // URNs and names, likewise
	maxExtensionText       = 100
)

// ExtensionTypes are the types an attribute of a custom extension may have.
func ExtensionTypes() []string {
	return []string{"string", "boolean", "integer", "decimal", "dateTime"}
}

// ProviderByID reads a provider of the administrator's tenant.
// Errors: NotFound.
func (s *Service) ProviderByID(ctx context.Context, a Admin, id ProviderID) (Provider, error) {
	if t, ok := id.Tenant(); !ok || t != a.Tenant {
		return Provider{}, Errorf(NotFound, "no such provider")
	}
	return s.Providers.Provider(ctx, a.Tenant, id)
}

// ProviderCounts are the sizes of a provider.
type ProviderCounts struct{ Users, Groups int }

// CountProvider returns how many users and groups a provider has now.
func (s *Service) CountProvider(ctx context.Context, a Admin, id ProviderID) (ProviderCounts, error) {
	us, err := s.Users.ListUsers(ctx, a.Tenant, id, Page{Start: 1}, UserWant{}, nil)
	if err != nil {
		return ProviderCounts{}, err
	}
	gs, err := s.Groups.ListGroups(ctx, a.Tenant, id, Page{Start: 1}, GroupWant{}, nil)
	return ProviderCounts{Users: us.Total, Groups: gs.Total}, err
}

// ProviderPatch is a change of a provider's settings; nil fields stay.
type ProviderPatch struct {
	DisplayName       *string
	DeactivationDelay *time.Duration
	Extensions        *[]Extension
}

// PatchProvider changes settings of a provider; check sees the provider first. What is equal already is
// no change, and no change writes nothing.
// Errors: NotFound; Invalid; Conflict (displayName, or the provider is being deleted); what check returns.
func (s *Service) PatchProvider(ctx context.Context, a Admin, id ProviderID, check func(Provider) error, n ProviderPatch) (Provider, error) {
	return s.updateProvider(ctx, a, id, ProviderUpdated, func(p Provider) (Provider, string, []Change, error) {
		if err := check(p); err != nil {
			return p, "", nil, err
		}
		var changes []Change
		if n.DisplayName != nil {
			name, err := validDisplayName(*n.DisplayName)
			if err != nil {
				return p, "", nil, err
			}
			if name != p.DisplayName {
				changes = append(changes, change(AttrDisplayName, p.DisplayName, name))
				p.DisplayName = name
			}
		}
		if d := n.DeactivationDelay; d != nil && *d != p.DeactivationDelay {
			changes = append(changes, change("deactivationDelaySeconds", int64(p.DeactivationDelay/time.Second), int64(*d/time.Second)))
			p.DeactivationDelay = *d
		}
		if n.Extensions != nil && !slices.EqualFunc(p.Extensions, *n.Extensions, Extension.equal) {
			changes = append(changes, change("extensions", p.Extensions, *n.Extensions))
			p.Extensions = *n.Extensions
		}
		return p, "", changes, p.check()
	})
}

func (e Extension) equal(f Extension) bool {
	return e.URN == f.URN && e.Name == f.Name && slices.Equal(e.Attributes, f.Attributes)
}

// checkExtensions refuses extensions that could not be served. It is stricter than SCIM, so that what it
// accepts always compiles to a schema.
func checkExtensions(es []Extension) error {
	bad := func(detail string) error { return &Error{Kind: Invalid, Attr: "extensions", Detail: detail} }
	if len(es) > MaxExtensions {
		return bad("a provider has at most 5 extensions")
	}
	urns, attributes, size := map[string]bool{}, 0, 0
	for _, e := range es {
		key := casefold.Fold(e.URN)
		switch {
		case !extensionURN(e.URN):
			return bad(`urn must begin with "urn:", have at least three parts of letters, digits, ".", "-" and "_", at most 100 characters, and belong to no standard schema`)
		case urns[key]:
			return bad("a urn is given twice")
		case len(e.Name) < 1 || len(e.Name) > maxExtensionText || strings.ContainsFunc(e.Name, isControl):
			return bad("name must have 1 to 100 bytes and no control characters")
		case len(e.Attributes) == 0:
			return bad("an extension has at least one attribute")
		}
		urns[key] = true
		attributes += len(e.Attributes)
		size += len(e.URN) + len(e.Name)
		names := map[string]bool{}
		for _, a := range e.Attributes {
			name := casefold.Fold(a.Name)
			switch {
			case !extensionAttributeName(a.Name):
				return bad(`an attribute's name begins with a letter and has letters, digits, "-" and "_", at most 100`)
			case names[name]:
				return bad("an attribute is given twice")
			case !slices.Contains(ExtensionTypes(), a.Type):
				return bad("an attribute's type must be string, boolean, integer, decimal or dateTime")
			}
			names[name] = true
			size += len(a.Name)
		}
	}
	if attributes > MaxExtensionAttributes || size > MaxExtensionBytes {
		return bad("the extensions of a provider have at most 25 attributes, and at most 1500 bytes of names")
	}
	return nil
}

// extensionURN checks a URN. Those of SCIM and of this service are taken.
func extensionURN(urn string) bool {
	parts := strings.Split(urn, ":")
	if len(urn) > maxExtensionText || len(parts) < 3 || casefold.Fold(parts[0]) != "urn" {
		return false
	}
	for _, p := range parts {
		if p == "" || strings.ContainsFunc(p, func(r rune) bool { return r != '.' && !nameRune(r) }) {
			return false
		}
	}
	for _, taken := range []string{
		"urn:ietf:params:scim:schemas:core:", "urn:ietf:params:scim:api:", "urn:ietf:params:scim:schemas:extension:enterprise:",
		"urn:ietf:params:scim:schemas:extension:rollcall:",
	} {
		if strings.HasPrefix(casefold.Fold(urn), taken) {
			return false
		}
	}
	return true
}

// extensionAttributeName checks a name (ATTRNAME of RFC 7643 §2.1).
func extensionAttributeName(name string) bool {
	return name != "" && len(name) <= maxExtensionText && (name[0]|0x20 >= 'a' && name[0]|0x20 <= 'z') &&
		!strings.ContainsFunc(name, func(r rune) bool { return !nameRune(r) })
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
