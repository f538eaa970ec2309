package sqlite

import (
	"context"
	"strings"

	"zombiezen.com/go/sqlite"

	"rollcall/shared/directory"
)

func (s userStore) ListUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, page directory.Page, want directory.UserWant, admit directory.Admit,
) (out directory.UserPage, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		var us []directory.User
		out.Total, out.More, err = s.list(h, "users", page, func(after string, skip, limit int) (string, int, error) {
			us, err = s.users(`SELECT `+userColumns+` FROM users WHERE home = ? AND uid > ? ORDER BY uid LIMIT ?+0 OFFSET ?`, h, after, limit, skip)
			if len(us) == 0 {
				return "", 0, err
			}
			return string(us[min(len(us), page.Count)-1].ID), len(us), err
		})
		if err != nil {
			return err
		}
		out.Users, err = s.views(h, us[:min(len(us), page.Count)], want)
		return err
	})
	return out, err
}

// SearchUsers implements directory.Users. It reads through all homes of the tenant.
func (s userStore) SearchUsers(
	ctx context.Context, t directory.TenantID, q directory.UserSearch,
) (out []directory.User, next string, err error) {
	h, uid, _ := strings.Cut(q.After, " ")
	if q.After == "" {
		h = home(t, "", false)
	} else if !strings.HasPrefix(h, string(t)+"/") {
		return nil, "", directory.Errorf(directory.Invalid, "not a position of a search in this tenant")
	}
	for seen := 0; seen < directory.MaxWalk && len(out) < q.Count; {
		var homes []string
		var us []directory.User
		err := s.read(ctx, func() error {
			return s.exec(`SELECT `+userColumns+`, home FROM users WHERE (home, uid) > (?, ?) AND home < ? ORDER BY home, uid LIMIT 500`,
				func(r *sqlite.Stmt) error {
					u, err := scanUser(r)
					us, homes = append(us, u), append(homes, r.ColumnText(14))
					return err
				}, h, uid, string(t)+"0") // "0" is the character after "/"
		})
		if err != nil || len(us) == 0 {
			return out, "", err
		}
		for i, u := range us {
			h, uid = homes[i], string(u.ID)
			if q.Matches(u) {
				out = append(out, u)
			}
			if len(out) == q.Count {
				break
			}
		}
		seen += len(us)
	}
	return out, h + " " + uid, nil
}

// MemberUsers implements directory.Users. The ids of groups sort before those of users.
func (s userStore) MemberUsers(
	ctx context.Context, t directory.TenantID, p directory.ProviderID, id directory.GroupID, page directory.Page, want directory.UserWant,
	admit directory.Admit,
) (out directory.UserPage, err error) {
	err = s.read(ctx, func() error {
		if _, err := s.admitted(t, p, admit); err != nil {
			return err
		}
		h := home(t, p, false)
		g, err := s.group(h, id)
		if err != nil {
			return directory.IgnoreNotFound(err)
		}
		out.Total = g.MemberCount
		err = s.exec(`SELECT count(*) FROM memberships WHERE home = ? AND gid = ? AND member < 'h'`, func(r *sqlite.Stmt) error {
			out.Total -= int(r.ColumnInt64(0))
			return nil
		}, h, string(id))
		if err != nil || page.Count < 1 {
			return err
		}
		members, err := s.members(h, id, max(directory.ScimID(page.After), "h"), page.Count+1)
		if err != nil {
			return err
		}
		out.More = len(members) > page.Count
		for _, m := range members[:min(len(members), page.Count)] {
			u, ok, err := s.presentUser(h, m)
			if err != nil {
				return err
			}
			if ok {
				v, err := s.view(h, u, want)
				if err != nil {
					return err
				}
				out.Users = append(out.Users, v)
			}
		}
		return nil
	})
	return out, err
}
