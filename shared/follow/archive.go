package follow

import (
	"context"
	"fmt"

	"rollcall/shared/directory"
)

const (
	peopleKey   = "a" // of pages of people, with the first id
	groupKey    = "g" // of pages of groups, with the id and the number of the page
	archivedKey = "z" // of the last page: the archive is complete

	archivedPeople  = 200  // in a page
	archivedMembers = 2000 // in a page
)

// archive stores what a provider's deletion takes from its people and groups, before the first of them is changed: who
// leaves takes others' managers and groups' members along. People are in pages, so that it costs a write for 200 of
// them. Once it is complete it is not touched again, since a repetition would find only those who are left.
func (s *Service) archive(ctx context.Context, t directory.TenantID, p directory.Provider) error {
	done, err := s.ports.Providers.ArchivePages(ctx, t, p.ID, groupKey+"~", 1)
	if err != nil || len(done) > 0 {
		return err
	}
	until := directory.ArchivedProvider{Provider: p}.Until()
	put := func(page directory.ArchivePage) error {
		return s.ports.Providers.PutArchivePage(ctx, t, p.ID, page, until)
	}
	at := directory.Page{ByCursor: true, Count: archivedPeople}
	for more := true; more; {
		us, err := s.ports.Users.ListUsers(ctx, t, p.ID, at, directory.UserWant{}, nil)
		if err != nil {
			return err
		}
		if more = us.More; len(us.Users) == 0 {
			break
		}
		page := directory.ArchivePage{Key: peopleKey + string(us.Users[0].ID)}
		for _, v := range us.Users {
			page.Users, at.After = append(page.Users, v.Archived()), string(v.ID)
		}
		if err := put(page); err != nil {
			return err
		}
	}
	at = directory.Page{ByCursor: true, Count: archivedPeople}
	for more := true; more; {
		gs, err := s.ports.Groups.ListGroups(ctx, t, p.ID, at, directory.GroupWant{}, nil)
		if err != nil {
			return err
		}
		more = gs.More
		for _, v := range gs.Groups {
			at.After = string(v.ID)
			if err := s.archiveGroup(ctx, t, v.Group, put); err != nil {
				return err
			}
		}
	}
	return put(directory.ArchivePage{Key: archivedKey})
}

func (s *Service) archiveGroup(
	ctx context.Context, t directory.TenantID, g directory.Group, put func(directory.ArchivePage) error,
) error {
	after := directory.ScimID("")
	for n := 0; ; n++ {
		ms, err := s.ports.Groups.Members(ctx, t, g.Provider, g.ID, after, archivedMembers)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		if err := put(directory.ArchivePage{Key: fmt.Sprintf("%s%s.%05d", groupKey, g.ID, n), Group: &g, Members: ms}); err != nil {
			return err
		}
		if len(ms) < archivedMembers {
			return nil
		}
		after = ms[len(ms)-1]
	}
}

// eachArchived calls fn for the pages of an archive whose key begins with a letter.
func (s *Service) eachArchived(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, kind string, fn func(directory.ArchivePage) error,
) error {
	const batch = 10
	for after := kind; ; {
		pages, err := s.ports.Providers.ArchivePages(ctx, t, id, after, batch)
		if err != nil {
			return err
		}
		for _, page := range pages {
			if after = page.Key; after[:1] != kind {
				return nil
			}
			if err := fn(page); err != nil {
				return err
			}
		}
		if len(pages) < batch {
			return nil
		}
	}
}

// dropArchives removes the archives of providers that can no longer be restored.
func (s *Service) dropArchives(ctx context.Context, t directory.TenantID) error {
	all, err := s.ports.Providers.ArchivedProviders(ctx, t)
	if err != nil {
		return err
	}
	for _, a := range all {
		if s.rt.Time().Before(a.Until()) {
			continue
		}
		if err := s.ports.Providers.DropArchive(ctx, t, a.ID); err != nil {
			return err
		}
	}
	return nil
}
