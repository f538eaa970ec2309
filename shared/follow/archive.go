package follow

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"rollcall/shared/directory"
)

const (
	peopleKey   = "a" // of pages of people, with the first id
	groupKey    = "g" // of pages of groups, with the id and the number of the page
	archivedKey = "z" // of the last page: the archive is complete

	archivedPeople  = 200  // in a page
	archivedMembers = 2000 // in a page
)

// archived reports whether the archive of a provider is complete. It is not touched again then, since a repetition would
// find only those who are left.
func (x *portion) archived(ctx context.Context, p directory.Provider) (bool, error) {
	last, err := x.s.ports.Providers.ArchivePages(ctx, x.tenant, p.ID, groupKey+"~", 1)
	return len(last) > 0, err
}

func (x *portion) put(ctx context.Context, p directory.Provider, page directory.ArchivePage) error {
	return x.s.ports.Providers.PutArchivePage(ctx, x.tenant, p.ID, page, directory.ArchivedProvider{Provider: p}.Until())
}

// archiveUsers stores what a provider's deletion takes from some of its users: in pages, so that it costs a write for 200
// of them.
func (x *portion) archiveUsers(ctx context.Context, p directory.Provider, after string) (string, bool, error) {
	if after == "" {
		if done, err := x.archived(ctx, p); err != nil || done {
			return "", done, err
		}
	}
	at := directory.Page{ByCursor: true, After: after, Count: archivedPeople}
	us, err := x.s.ports.Users.ListUsers(ctx, x.tenant, p.ID, at, directory.UserWant{}, nil)
	if err != nil || len(us.Users) == 0 {
		return "", true, err
	}
	page := directory.ArchivePage{Key: peopleKey + string(us.Users[0].ID)}
	for _, v := range us.Users {
		page.Users, after = append(page.Users, archived(v.User)), string(v.ID)
	}
	x.did(len(us.Users))
	return after, !us.More, x.put(ctx, p, page)
}

// archiveGroups stores what a provider's deletion takes from some of its groups. The position is the last group, and of
// one whose members are not all archived the number of the next page and the last member.
func (x *portion) archiveGroups(ctx context.Context, p directory.Provider, after string) (string, bool, error) {
	if after == "" {
		if done, err := x.archived(ctx, p); err != nil || done {
			return "", done, err
		}
	}
	if id, rest, within := strings.Cut(after, " "); within {
		var n int
		var member directory.ScimID
		if _, err := fmt.Sscan(rest, &n, &member); err != nil {
			return "", false, fmt.Errorf("read the position of a task: %w", err)
		}
		v, err := x.s.ports.Groups.ReadGroup(ctx, x.tenant, p.ID, directory.GroupID(id), directory.GroupWant{}, nil)
		if directory.IsKind(err, directory.NotFound) {
			return id, false, nil
		}
		if err != nil {
			return "", false, err
		}
		next, err := x.archiveGroup(ctx, p, v.Group, n, member)
		return next, false, err
	}
	const batch = 20
	at := directory.Page{ByCursor: true, After: after, Count: batch}
	gs, err := x.s.ports.Groups.ListGroups(ctx, x.tenant, p.ID, at, directory.GroupWant{}, nil)
	if err != nil {
		return "", false, err
	}
	for _, v := range gs.Groups {
		if after, err = x.archiveGroup(ctx, p, v.Group, 0, ""); err != nil || after != string(v.ID) {
			return after, false, err
		}
	}
	if gs.More {
		return after, false, nil
	}
	return "", true, x.put(ctx, p, directory.ArchivePage{Key: archivedKey})
}

// archiveGroup archives the n-th page of a group, whose members come after one, and returns the position after it.
func (x *portion) archiveGroup(
	ctx context.Context, p directory.Provider, g directory.Group, n int, member directory.ScimID,
) (string, error) {
	ms, err := x.s.ports.Groups.Members(ctx, x.tenant, p.ID, g.ID, member, archivedMembers)
	if err == nil {
		err = x.put(ctx, p, directory.ArchivePage{Key: fmt.Sprintf("%s%s.%05d", groupKey, g.ID, n), Group: &g, Members: ms})
	}
	x.did(1 + len(ms)/10) // they are only read, and a page is one write
	if len(ms) < archivedMembers {
		return string(g.ID), directory.IgnoreNotFound(err)
	}
	return fmt.Sprintf("%s %d %s", g.ID, n+1, ms[len(ms)-1]), err
}

// archivePage returns the page of an archive that follows a key; none when there is no other whose key begins with the
// letter.
func (x *portion) archivePage(ctx context.Context, p directory.ProviderID, kind, after string) (directory.ArchivePage, error) {
	pages, err := x.s.ports.Providers.ArchivePages(ctx, x.tenant, p, cmp.Or(after, kind), 1)
	if err != nil || len(pages) == 0 || pages[0].Key[:1] != kind {
		return directory.ArchivePage{}, err
	}
	return pages[0], nil
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
