package adminapi

import (
	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

type mappedGroup struct {
	ID          directory.GroupID `json:"id"`
	DisplayName string            `json:"displayName"`
	MemberCount int               `json:"memberCount"`
	Deleted     bool              `json:"deleted"`            // in the directory
	Relink      directory.GroupID `json:"relink,omitempty"`   // a newer group with the same externalId
	Relinked    directory.GroupID `json:"relinked,omitempty"` // the deleted group whose place it took when it came back
}

// groupUse counts the groups of a provider and those without a mapping.
type groupUse struct {
	State    administration.GroupsState `json:"state"`
	Total    int                        `json:"total"`
	Unmapped int                        `json:"unmapped"`
}

func viewGroups(gs []directory.MappedGroup, s administration.MappingState) []mappedGroup {
	return mapSlice(gs, func(g directory.MappedGroup) mappedGroup {
		now, present := s.Present[g.ID]
		if !present {
			return mappedGroup{ID: g.ID, DisplayName: g.Name, Deleted: true, Relink: s.Relink[g.ID].ID}
		}
		return mappedGroup{ID: g.ID, DisplayName: now.DisplayName, MemberCount: now.MemberCount, Relinked: g.Was}
	})
}

func viewUse(u administration.GroupUse) groupUse { return groupUse{u.State(), u.Total, u.Unmapped} }

// state reads the mappings of the provider in the path.
func (r *request) state() (administration.MappingState, error) {
	id, err := r.providerID()
	if err != nil {
		return administration.MappingState{}, err
	}
	return r.as().Mappings.State(r.ctx(), id)
}

var methods = []string{string(directory.OrgSingle), string(directory.OrgGroups), string(directory.OrgNamed), string(directory.OrgAttribute)}

// groupIDs reads the groups of a mapping.
func groupIDs(to func([]directory.GroupID)) reader { return ids(to, directory.MaxMappedGroups) }

// addPresent adds groups that no stored mapping has: of a dry run, or of a mapping just deleted.
func (r *request) addPresent(s administration.MappingState, gs []directory.MappedGroup) (administration.MappingState, error) {
	for _, g := range gs {
		if _, known := s.Present[g.ID]; known {
			continue
		}
		now, err := r.as().Groups.ByID(r.ctx(), s.Provider.ID, g.ID)
		if err == nil {
			s.Present[g.ID] = now
		} else if !directory.IsKind(err, directory.NotFound) {
			return s, err
		}
	}
	return s, nil
}

// mappingID returns the provider and the mapping in the path.
func (r *request) mappingID() (directory.ProviderID, directory.MappingID, error) {
	p, err := r.providerID()
	if err != nil {
		return "", "", err
	}
	m, err := pathID[directory.MappingID](r, 1, "mapping")
	return p, m, err
}

// mappingToDelete returns the mapping in the path, with the state before its deletion.
func (r *request) mappingToDelete() (p directory.ProviderID, id directory.MappingID, s administration.MappingState, err error) {
	if p, id, err = r.mappingID(); err == nil {
		err = r.readNothing()
	}
	if err == nil {
		s, err = r.state()
	}
	return p, id, s, err
}
