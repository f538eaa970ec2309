// Package administration serves administrators: it reads and changes the data of a tenant and, for operators, the
// tenants of a deployment. It knows neither HTTP nor JSON: package adminapi translates. Package follow does what
// follows from a change.
//
// Each noun of the admin API is a small type with its methods: Service.As(admin).Users.Search(...). A dry run uses the
// same methods on a preview of the store (preview.go), which computes and checks everything and writes nothing.
package administration

import (
	"context"
	"slices"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/follow"
)

// Service serves administrators. Safe for concurrent use.
type Service struct {
	ports directory.Ports
	rt    directory.Runtime
	uses  *keyUses
}

// New returns the service on the ports.
func New(p directory.Ports, rt directory.Runtime) *Service {
	return &Service{ports: p, rt: rt, uses: &keyUses{written: map[directory.CredentialID]time.Time{}}}
}

// Now is the current time as stored in records.
func (s *Service) Now() time.Time { return s.rt.Time() }

// LogRetention is how long the deployment keeps log entries.
func (s *Service) LogRetention() time.Duration { return s.rt.Retention() }

// BeginReplay is directory.Replays.BeginReplay at the current time.
func (s *Service) BeginReplay(ctx context.Context, t directory.TenantID, r directory.Replay) (directory.Replay, bool, error) {
	return s.ports.Replays.BeginReplay(ctx, t, r, s.rt.Time())
}

// FinishReplay is directory.Replays.FinishReplay.
func (s *Service) FinishReplay(ctx context.Context, t directory.TenantID, r directory.Replay) error {
	return s.ports.Replays.FinishReplay(ctx, t, r)
}

// Admin is an administrator's authenticated request: the tenant it may see and the actor for the log.
type Admin struct {
	Tenant directory.TenantID
	Actor  directory.Actor
	DryRun bool // check everything, write nothing
	// Confirm is the confirmation that the administrator typed, where privileged roles require one; Sure confirms them
	// all.
	Confirm string
	Sure    bool
	// Approved is the proposal of another person that the administrator approves with this request.
	Approved *directory.Proposal
}

// session is one request of an administrator.
type session struct {
	ports  directory.Ports // the store's, or a preview of them
	rt     directory.Runtime
	tenant directory.TenantID
	admin  Admin
}

// Session is one request of an administrator, with the methods of each noun: their comments name the errors. A dry run
// returns the result of the real run, and writes nothing.
type Session struct {
	APIKeys       APIKeys
	ApplyRuns     ApplyRuns
	Config        Config
	Conflicts     Conflicts
	Deactivations Deactivations
	Deliveries    Deliveries
	Groups        Groups
	Guards        Guards
	LegalHolds    LegalHolds
	Logs          Logs
	Mappings      Mappings
	OrgMappings   OrgMappings
	Organizations Organizations
	Proposals     Proposals
	Providers     Providers
	Reports       Reports
	RoleMappings  RoleMappings
	Roles         Roles
	Settings      Settings
	Tasks         Tasks
	Tenants       Tenants
	Tokens        Tokens
	Users         Users
	Watchlists    Watchlists
	Webhooks      Webhooks
}

// The nouns.
type (
	// APIKeys are the keys of the administrator's tenant.
	APIKeys struct{ *session }
	// ApplyRuns apply the mappings to the organizations and roles of a provider's users.
	ApplyRuns struct{ *session }
	// Config is organizations, roles and mappings by name, as kept in a file.
	Config struct{ *session }
	// Conflicts are, above all, users that a directory could not create.
	Conflicts struct{ *session }
	// Deactivations are the pending deactivations.
	Deactivations struct{ *session }
	// Deliveries are events for webhooks.
	Deliveries struct{ *session }
	// Groups are the groups that directories provisioned.
	Groups struct{ *session }
	// Guards are the mass-change guards of providers.
	Guards struct{ *session }
	// LegalHolds are matters and their custodians.
	LegalHolds struct{ *session }
	// Logs are the Sync Log and the Audit Log.
	Logs struct{ *session }
	// Mappings are both kinds of mappings of a provider together.
	Mappings struct{ *session }
	// OrgMappings place the members of groups in organizations.
	OrgMappings struct{ *session }
	// Organizations are the units that users belong to.
	Organizations struct{ *session }
	// Proposals are requests that wait for a second person.
	Proposals struct{ *session }
	// Providers are the connections of directories.
	Providers struct{ *session }
	// Reports list records that need an administrator's attention.
	Reports struct{ *session }
	// RoleMappings give the members of groups roles.
	RoleMappings struct{ *session }
	// Roles are the catalogue.
	Roles struct{ *session }
	// Settings are those of the administrator's tenant.
	Settings struct{ *session }
	// Tasks are long work in the background.
	Tasks struct{ *session }
	// Tenants are for operators.
	Tenants struct{ *session }
	// Tokens are the credentials of providers.
	Tokens struct{ *session }
	// Users are all users of the tenant, also local and removed ones.
	Users struct{ *session }
	// Watchlists are lists of users who need attention.
	Watchlists struct{ *session }
	// Webhooks are the addresses that events are sent to.
	Webhooks struct{ *session }
)

// As returns a session of the administrator.
func (s *Service) As(a Admin) *Session {
	x := &session{ports: s.ports, rt: s.rt, tenant: a.Tenant, admin: a}
	if a.DryRun {
		x.ports = preview(s.ports)
	}
	return &Session{
		APIKeys{x}, ApplyRuns{x}, Config{x}, Conflicts{x}, Deactivations{x}, Deliveries{x}, Groups{x}, Guards{x}, LegalHolds{x}, Logs{x},
		Mappings{x}, OrgMappings{x}, Organizations{x}, Proposals{x},
		Providers{x}, Reports{x}, RoleMappings{x}, Roles{x}, Settings{x}, Tasks{x}, Tenants{x}, Tokens{x},
		Users{x}, Watchlists{x}, Webhooks{x},
	}
}

// within is the session in another tenant, for operators.
func (s *session) within(t directory.TenantID) *session {
	x := *s
	x.tenant, x.admin.Tenant = t, t
	return &x
}

// entry starts an entry of the request in the Audit Log.
func (s *session) entry(action directory.Action) directory.LogEntry {
	return directory.LogEntry{ID: s.rt.EntryID(), At: s.rt.Time(), Actor: s.admin.Actor, Action: action, Audit: true}
}

// follow returns the service for work that follows from the session's changes but must be done before it answers.
func (s *session) follow() *follow.Service { return follow.New(s.ports, s.rt) }

func setIf[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// talliesOf reads the tallies of some ids.
func talliesOf[T ~string](ctx context.Context, s *session, ids []T, key func(T) string) (map[T]int, error) {
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = key(id)
	}
	got, err := s.ports.Counts.Tallies(ctx, s.tenant, keys)
	out := make(map[T]int, len(ids))
	for _, id := range ids {
		out[id] = got[key(id)]
	}
	return out, err
}

// Unchecked is the check of a caller that accepts any version of a record.
func Unchecked[T any](T) error { return nil }

// noneOf returns the error for a member whose ids must be something and are not; nil if there are none.
func noneOf[T ~string](attr, must string, ids []T) error {
	if len(ids) == 0 {
		return nil
	}
	return &directory.Error{Kind: directory.Invalid, Attr: attr, Detail: directory.NoneOf(attr+" "+must, ids)}
}

// knownRoles refuses roles that the catalogue does not hold, unless the record had them, and repetitions.
func knownRoles(c directory.Catalogue, attr string, was, is []directory.RoleID) error {
	var unknown, again []directory.RoleID
	for i, id := range is {
		if _, known := c.Find(id); !known && !slices.Contains(was, id) {
			unknown = append(unknown, id)
		} else if slices.Contains(is[:i], id) {
			again = append(again, id)
		}
	}
	if err := noneOf(attr, "must hold roles of the catalogue", unknown); err != nil {
		return err
	}
	if len(again) > 0 {
		return &directory.Error{Kind: directory.Invalid, Attr: attr, Detail: attr + " must hold each role once: " +
			strings.Join(directory.Named(again), ", ")}
	}
	return nil
}

// filtered reads pages after a position, until it has count items that keep accepts, or has looked at MaxWalk. read returns
// at most n items after one, and whether others follow; id is the position of an item. It returns the position to continue
// after: the zero one at the end.
func filtered[T, ID any](
	after ID, count int, read func(after ID, n int) (page []T, more bool, err error), id func(T) ID, keep func(T) bool,
) (out []T, next ID, err error) {
	var end ID
	for seen := 0; seen < directory.MaxWalk; {
		page, more, err := read(after, max(count, 100))
		if err != nil {
			return nil, end, err
		}
		for i, item := range page {
			after = id(item)
			if keep(item) {
				out = append(out, item)
			}
			if len(out) == count && (more || i+1 < len(page)) {
				return out, after, nil
			}
		}
		if !more {
			return out, end, nil
		}
		seen += len(page)
	}
	return out, after, nil
}
