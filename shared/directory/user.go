package directory

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rollcall/shared/casefold"
)

// Profile is what a directory says about a user: everything a provisioning request can set.
type Profile struct {
	UserName   string // as sent; unique in the tenant under UserNameKey
	ExternalID string // the directory's own id, as sent; "" when it gave none; not unique
	Active     bool   // the last thing the directory said; what SCIM shows as active
	Manager    string // as sent: the SCIM id of the manager, or a text that names nobody yet
	// Attributes is the canonical SCIM JSON of all other attributes the directory sent, without
	// userName, externalId, active and manager.value. Its owner is package scimapi.
	Attributes []byte
	// Lookups are the other keys, without userName and externalId, by which the user is found without a walk.
	Lookups []Lookup
}

// Lookup is one value under which a record is found: Attr is a SCIM path in canonical spelling, Value
// is folded already where the attribute ignores case.
type Lookup struct{ Attr, Value string }

// Equal reports whether two profiles are equal.
func (p Profile) Equal(q Profile) bool {
	return p.UserName == q.UserName && p.ExternalID == q.ExternalID && p.Active == q.Active &&
		p.Manager == q.Manager && bytes.Equal(p.Attributes, q.Attributes) && slices.Equal(p.Lookups, q.Lookups)
}

// UserNameKey is the form under which a userName is unique: NFC and case folding, without invisible ends (C28).
func UserNameKey(userName string) string { return casefold.Name(userName) }

// OldNameKey is the key of a userName or displayName as it was before it left out invisible ends (C28), and whether it is
// another one.
func OldNameKey(name string) (folded string, other bool) {
	folded = casefold.Fold(name)
	return folded, folded != casefold.Name(name)
}

// ManagerKey is the form under which a user is found by its manager: the id, or the key of the userName that the directory
// sent before it created the manager.
func ManagerKey(manager string) string {
	if ScimID(manager).IsUser() {
		return manager
	}
	return UserNameKey(manager)
}

// Lifecycle says whether an account can be used at all. Blocked is not a lifecycle: it is derived.
type Lifecycle string

// The lifecycle states. A purged user is a stub without personal data.
const (
	LifecycleActive      Lifecycle = "active"
	LifecycleDeactivated Lifecycle = "deactivated"
	LifecyclePurged      Lifecycle = "purged"
)

// User is one account. Its ID never changes; its ScimID does when a deleted account is restored.
type User struct {
	ID       UserID
	ScimID   ScimID     // what SCIM shows; "" for local users
	Provider ProviderID // the provider that manages the user; "" for local users
	Profile

	RemovedAt time.Time // when the directory deleted the user; zero: it did not

	Account

	Version           int64 // 1 at creation, +1 with every change: the ETag
	Created, Modified time.Time
}

// Account is what Rollcall itself keeps about a user: lifecycle, holds, organization and roles. The zero
// value is an active account in no organization. Its rules are in lifecycle.go and placement.go.
type Account struct {
	Lifecycle     Lifecycle            `json:",omitempty"` // "" means active
	DeactivatedAt time.Time            `json:",omitzero"`
	AdminBlock    *AdminBlock          `json:",omitempty"`
	Pending       *PendingDeactivation `json:",omitempty"`
	Holds         []MatterID           `json:",omitempty"` // ids of the active matters the user is a custodian of
	OrgID         OrgID                `json:",omitempty"`
	OrgSource     string               `json:",omitempty"` // single, group:<mapping>, attribute, default, manual or adopted
	OrgGroup      GroupID              `json:",omitempty"` // the group that decided, for group:<mapping>
	OrgConfig     int64                `json:",omitempty"` // the provider's ConfigVersion under which it was decided
	OrgPinned     bool                 `json:",omitempty"`
	RoleGrants    []RoleGrant          `json:",omitempty"`
	Watchlists    []OnWatchlist        `json:",omitempty"`
	CountryCode   string               `json:",omitempty"` // ISO 3166-1 alpha-2, XK for Kosovo, or ""
	OverriddenAt  time.Time            `json:",omitzero"`  // since when Overridden
	Review        GuardEventID         `json:",omitempty"` // the guard event that held back a move or the loss of a role
	Refused       *Refusal             `json:",omitempty"` // nil: the directory's last request about the user succeeded
}

// IsZero reports whether nothing is kept about the account.
func (a Account) IsZero() bool {
	return a.Lifecycle == "" && a.DeactivatedAt.IsZero() && a.AdminBlock == nil && a.Pending == nil && len(a.Holds) == 0 &&
		a.OrgID == "" && a.OrgSource == "" && !a.OrgPinned && len(a.RoleGrants) == 0 && len(a.Watchlists) == 0 && a.CountryCode == "" &&
		a.Review == "" && a.OverriddenAt.IsZero() && a.Refused == nil
}

// AdminBlock is a block an administrator placed; no directory event lifts it.
type AdminBlock struct {
	By     string
	At     time.Time
	Reason string
}

// PendingDeactivation is a deactivation that waits for its gates. Being pending is the block, unless it is staged.
type PendingDeactivation struct {
	RequestedAt time.Time
	DueAt       time.Time
	Cause       string // CauseDisable, CauseDelete or CauseProvider
	Provider    ProviderID
	RequestID   RequestID
	Generation  int64 // a wake-up acts only on the generation it was scheduled for
	Frozen      bool  // the mass-change guard holds it
	Staged      bool  `json:",omitempty"` // and the user is not even blocked until the review
}

// RoleGrant is one role of a user and where it came from.
type RoleGrant struct {
	Role   RoleID
	Source string // manual, mapping:<id>, orgDefault or adopted
	By     string // the administrator's key, the group of a mapping, or the organization
	Config int64  `json:",omitempty"` // the provider's ConfigVersion when a rule granted it
	At     time.Time
}

// DirectoryState is the last thing the directory said about a user.
type DirectoryState string

// The directory states.
const (
	DirectoryActive   DirectoryState = "active"
	DirectoryInactive DirectoryState = "inactive"
	DirectoryRemoved  DirectoryState = "gone"
	DirectoryNone     DirectoryState = "none" // local users: no directory manages them
)

// DirectoryState returns what the directory last said about u.
func (u User) DirectoryState() DirectoryState {
	switch {
	case !u.RemovedAt.IsZero():
		return DirectoryRemoved
	case u.Provider == "":
		return DirectoryNone
	case u.Active:
		return DirectoryActive
	}
	return DirectoryInactive
}

// Removed reports whether the directory deleted the user: SCIM answers 404, the userName is free.
func (u User) Removed() bool { return !u.RemovedAt.IsZero() }

// AllLookups returns every key but userName under which SCIM finds u, externalId first; none for a removed or local
// user.
func (u User) AllLookups() []Lookup {
	if u.Removed() || u.Provider == "" {
		return nil
	}
	if u.ExternalID == "" {
		return u.Lookups
	}
	return append([]Lookup{{AttrExternalID, u.ExternalID}}, u.Lookups...)
}

// FoundByName reports whether a store needs no look-up of u by l, because it finds u by its userName: l is a work e-mail
// that equals it. From a userName with invisible ends it does not follow (RekeyUser).
func (u User) FoundByName(l Lookup) bool {
	return l.Attr == AttrWorkEmail && l.Value == UserNameKey(u.UserName) && l.Value == casefold.Fold(u.UserName)
}

// The attribute paths of look-ups, in their canonical SCIM spelling.
const (
	AttrID          = "id"
	AttrUserName    = "userName"
	AttrExternalID  = "externalId"
	AttrDisplayName = "displayName"
	AttrWorkEmail   = `emails[type eq "work"].value`
	AttrManager     = "manager"
	AttrMember      = "members.value"
	AttrGroup       = "groups.value" // of users; Users.MemberUsers reads them
)

const (
	// maxNameBytes is the most bytes of a unique name: a longer one is a mistake.
	maxNameBytes = 1024
	// maxAttributesBytes is the most bytes of all other attributes of a user or group. A log entry holds them before
	// and after a change and must fit an item of DynamoDB (400 KB). Directories send about 1 KB.
	maxAttributesBytes = 150 << 10
)

// Check refuses profiles that break a business rule.
func (p Profile) Check() error {
	switch {
	case UserNameKey(p.UserName) == "":
		return &Error{Kind: Invalid, Attr: AttrUserName, Detail: "userName is required, with a character that can be seen"}
	case len(p.UserName) > maxNameBytes:
		return &Error{Kind: Invalid, Attr: AttrUserName, Detail: "userName is longer than 1024 bytes"}
	case len(p.Attributes)+len(p.ExternalID)+len(p.Manager) > maxAttributesBytes:
		return errAttributesTooLarge(p.Attributes)
	}
	return nil
}

// errAttributesTooLarge names the attribute that takes the most bytes.
func errAttributesTooLarge(attributes []byte) *Error {
	name, size := largest("", attributes)
	return &Error{Kind: TooLarge, Attr: name, Detail: fmt.Sprintf("the attributes of a user or group may take at most %d bytes; "+
		"the largest of these is %s with %d bytes", maxAttributesBytes, name, size)}
}

// largest returns the name and bytes of the largest member of a JSON object; extensions count by their attributes.
func largest(prefix string, object []byte) (name string, size int) {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(object, &members) // canonical JSON
	for _, m := range slices.Sorted(maps.Keys(members)) {
		inner, n := prefix+m, len(members[m])
		if prefix == "" && strings.HasPrefix(m, "urn:") {
			inner, n = largest(m+":", members[m])
		}
		if n > size {
			name, size = inner, n
		}
	}
	return name, size
}

// UserWant selects what to read in addition to the user itself.
type UserWant struct {
	Groups      bool // the groups the user is a direct member of
	ManagerName bool // the display name of the manager
}

// UserView is a user as read, with what UserWant asked for.
type UserView struct {
	User
	Groups  []GroupID // direct memberships, by id
	Manager *User     // the manager, when asked for and present
}

// Matches reports whether the search selects u; it ignores After and Count, which stores apply.
func (q UserSearch) Matches(u User) bool {
	if q.Provider != "" && u.Provider != q.Provider || q.Local && u.Provider != "" || q.State != "" && u.DirectoryState() != q.State {
		return false
	}
	if q.Report != "" && len(q.Report.kinds(u, q.Before)) == 0 || q.Review != "" && u.Review != q.Review || q.Org != "" && u.OrgID != q.Org ||
		q.Role != "" && !slices.ContainsFunc(u.RoleGrants, func(g RoleGrant) bool { return g.Role == q.Role }) ||
		q.List != "" && !slices.ContainsFunc(u.Watchlists, func(w OnWatchlist) bool { return w.List == q.List }) {
		return false
	}
	barred := q.Barred[u.OrgID]
	if q.Lifecycle != "" && cmp.Or(u.Lifecycle, LifecycleActive) != q.Lifecycle || q.Shown != "" && !u.Shown(barred).Within(q.Shown) ||
		q.MaySignIn != nil && (u.MaySignIn() && !barred) != *q.MaySignIn {
		return false
	}
	if q.Text == "" {
		return true
	}
	key := casefold.Fold(q.Text)
	if strings.HasPrefix(UserNameKey(u.UserName), UserNameKey(q.Text)) || u.ExternalID == q.Text {
		return true
	}
	return slices.ContainsFunc(u.Lookups, func(l Lookup) bool { return l.Value == key })
}

// UserSearch selects users for administrators. Text matches userName by its beginning, externalId, or a
// look-up such as the work e-mail as a whole, ignoring case.
type UserSearch struct {
	Text     string
	Provider ProviderID
	Local    bool // only local users; with Provider "" and Local false: all origins
	State    DirectoryState
	Org      OrgID
	Role     RoleID
	List     WatchlistID
	Review   GuardEventID // the guard event that holds a change of the user
	Report   Report       // "": any
	Before   time.Time    // for ReportStale: deactivated before then

	Lifecycle Lifecycle
	Shown     ShownState // or a kind of it (ShownState.Within)
	MaySignIn *bool
	Barred    map[OrgID]bool // for Shown and MaySignIn: organizations that keep their people from signing in

	After string // where the previous page ended, as SearchUsers returned it; "" for the first page
	Count int
}

// UserPage is a page of users. Total is the number of users in the list; More says whether some follow.
type UserPage struct {
	Users []UserView
	Total int
	More  bool
}

// ManagerCleared returns u without its manager, and the entry of that change; cause is the entry that removed the
// manager. Stores call it for every such user. The entry's id is derived from cause and u, so that repeating it is
// harmless.
func ManagerCleared(u User, cause LogEntry) (User, LogEntry) {
	before := append(append([]byte{'"'}, u.Manager...), '"') // a SCIM id: nothing to escape
	u.Manager = ""
	u.Version, u.Modified = u.Version+1, Latest(u.Modified, cause.At)
	return u, LogEntry{
		ID: cause.ID + EntryID(u.ID), At: cause.At, Provider: u.Provider, Actor: EntryActor(cause),
		Action: UserUpdated, Name: u.UserName, Version: u.Version,
		Changes: []Change{{Attr: AttrManager, Before: before}}, Effects: []Effect{EffectUpdated},
	}.OfUser(u.ID)
}

// AppendJSON appends the account as encoding/json would write it, without reflection: every disable and enable
// writes one.
func (a Account) AppendJSON(dst []byte) []byte {
	o := newObject(dst)
	o.text("Lifecycle", string(a.Lifecycle))
	o.time("DeactivatedAt", a.DeactivatedAt)
	if b := a.AdminBlock; b != nil {
		outer := o.open("AdminBlock")
		o.text("By", b.By)
		o.time("At", b.At)
		o.text("Reason", b.Reason)
		o.close(outer)
	}
	if p := a.Pending; p != nil {
		outer := o.open("Pending")
		o.time("RequestedAt", p.RequestedAt)
		o.time("DueAt", p.DueAt)
		o.text("Cause", p.Cause)
		o.text("Provider", string(p.Provider))
		o.text("RequestID", string(p.RequestID))
		o.number("Generation", p.Generation)
		o.flag("Frozen", p.Frozen)
		o.flag("Staged", p.Staged)
		o.close(outer)
	}
	appendTexts(&o, "Holds", a.Holds)
	o.text("OrgID", string(a.OrgID))
	o.text("OrgSource", a.OrgSource)
	o.text("OrgGroup", string(a.OrgGroup))
	o.number("OrgConfig", a.OrgConfig)
	o.flag("OrgPinned", a.OrgPinned)
	appendObjects(&o, "RoleGrants", a.RoleGrants, func(o *object, g RoleGrant) {
		o.text("Role", string(g.Role))
		o.text("Source", g.Source)
		o.text("By", g.By)
		o.number("Config", g.Config)
		o.time("At", g.At)
	})
	appendObjects(&o, "Watchlists", a.Watchlists, func(o *object, w OnWatchlist) {
		o.text("List", string(w.List))
		o.text("Why", w.Why)
	})
	o.text("CountryCode", a.CountryCode)
	o.time("OverriddenAt", a.OverriddenAt)
	o.text("Review", string(a.Review))
	if r := a.Refused; r != nil {
		outer := o.open("Refused")
		o.time("at", r.At)
		o.text("attribute", r.Attribute)
		o.text("scimType", r.ScimType)
		o.close(outer)
	}
	return o.end()
}
