package adminapi_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/shared/directory"
)

// idBodies has a body for each member that takes ids, by operation and member, with <id> in its place.
var idBodies = map[string]string{
	"createOrganization.parentId": `{"name":"New","parentId":"<id>"}`, "updateOrganization.parentId": `{"parentId":"<id>"}`,
	"createOrganization.defaultRoles":               `{"name":"New","defaultRoles":["agent-user","<id>"]}`,
	"updateOrganization.defaultRoles":               `{"defaultRoles":["<id>"]}`,
	"setOrganizationMapping.organizationId":         `{"method":"single","organizationId":"<id>"}`,
	"setOrganizationMapping.templateOrganizationId": `{"method":"org-name","templateOrganizationId":"<id>"}`,
	"createOrganizationMappingEntry.groups":         `{"groups":["SPARE","<id>"],"organizationId":"odefault"}`,
	"createOrganizationMappingEntry.organizationId": `{"groups":["SPARE"],"organizationId":"<id>"}`,
	"updateOrganizationMappingEntry.groups":         `{"groups":["<id>"]}`,
	"updateOrganizationMappingEntry.organizationId": `{"organizationId":"<id>"}`,
	"reorderOrganizationMapping.mappings":           `{"mappings":["m0000000000000000000000000","<id>","m1111111111111111111111111"]}`,
	"createRoleMappingEntry.groups":                 `{"groups":["<id>"],"roles":["agent-user"]}`,
	"createRoleMappingEntry.roles":                  `{"groups":["SPARE"],"roles":["<id>"]}`,
	"updateRoleMappingEntry.groups":                 `{"groups":["<id>"]}`, "updateRoleMappingEntry.roles": `{"roles":["<id>"]}`,
	"moveUser.organizationId": `{"organizationId":"<id>"}`, "grantRole.role": `{"role":"<id>"}`,
	"createWatchlist.groups":            `{"type":"custom","title":"L","groups":["SPARE","<id>"]}`,
	"createWatchlist.included":          `{"type":"custom","title":"L","included":["LOCAL","<id>"]}`,
	"createWatchlist.excluded":          `{"type":"custom","title":"L","excluded":["<id>"]}`,
	"updateWatchlist.groups":            `{"groups":["<id>"]}`,
	"updateWatchlist.included":          `{"included":["<id>"]}`,
	"updateWatchlist.excluded":          `{"excluded":["LOCAL","<id>"]}`,
	"placeHolds.users":                  `{"users":["<id>"]}`,
	"createUser.organizationId":         `{}`,
	"preApproveConflicts.provider":      `{"provider":"<id>","userNames":["local.CANARY@agency.example"],"reason":"test"}`,
	"convertUserToProvisioned.provider": `{"reason":"test","provider":"<id>","confirm":"local.CANARY@agency.example"}`,
	"cancelPendingDeactivations.users":  `{"users":["<id>"],"reason":"test"}`,
}

// idMember matches the members that take ids of other records.
var idMember = regexp.MustCompile(`Id$|^(groups|roles|role|defaultRoles|users|included|excluded|mappings|provider|parent|organization)$`)

// Every id in a body is checked in the tenant: what nobody has, and what another tenant has, is refused, by its name.
func TestEveryIDOfABodyIsChecked(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	f.addTenant("other")
	other := []string{"Authorization", "Bearer " + f.newKey("other", directory.RoleAdministrator, time.Time{})}
	theirs := map[string]string{
		"o": f.want(201, "POST", "/organizations", `{"name":"Theirs"}`, other...).str("id"),
		"u": f.want(201, "POST", "/users", `{"userName":"theirs"}`, other...).str("id"),
		"p": f.want(201, "POST", "/providers", `{"displayName":"Theirs"}`, other...).str("id"),
		"r": f.want(201, "POST", "/roles", `{"name":"Theirs"}`, other...).str("id"),
	}
	kinds := map[string]string{"parentId": "o", "organizationId": "o", "templateOrganizationId": "o", "defaultRoles": "r",
		"roles": "r", "role": "r",
		"included": "u", "excluded": "u", "users": "u", "provider": "p"}
	for _, o := range operations() {
		body := resolve(o.def["requestBody"])
		operation := fmt.Sprint(o.def["operationId"])
		if body == nil || strings.HasSuffix(operation, "Config") { // names, not ids
			continue
		}
		schema := resolve(asMap(asMap(body["content"])["application/json"])["schema"])
		for _, member := range slices.Sorted(maps.Keys(asMap(schema["properties"]))) {
			if !idMember.MatchString(member) || strings.HasSuffix(operation, "ApiKey") {
				continue
			}
			text, ok := idBodies[operation+"."+member]
			if !ok {
				t.Errorf("no body tries %s of %s", member, operation)
				continue
			}
			for _, id := range []string{"unone", theirs[kinds[member]]} {
				if id == "" {
					continue
				}
				text := strings.NewReplacer("<id>", id, "SPARE", w.spareGroup).Replace(w.fill(text))
				got := f.do(o.method, w.path(o.path), text)
				if member == "users" && got.str("items.0.user") == id && got.str("items.0.result") == "not-found" {
					continue // of a list in which each is answered for itself
				}
				if got.status != 400 || !strings.Contains(got.raw, `"field":"`+member+`"`) || !strings.Contains(got.raw, id) {
					t.Errorf("%s with %s was answered %d %s", operation, text, got.status, got.raw)
				}
			}
		}
	}
}

// Who is on a watchlist may be gone by now: a change that repeats them is taken, and the refusal of others names those.
func TestWatchlistsKeepThoseWhoAreGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := f.populateAll()
	id := directory.WatchlistID(w.watchlist)
	_, err := f.svc.Watchlists.UpdateWatchlist(t.Context(), f.tenant, id, nil,
		func(l directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
			l.Included, l.Excluded = []directory.UserID{"ugone"}, []directory.UserID{"ugone2"}
			l.Version++
			return l, &directory.LogEntry{ID: "e1", At: f.clock(), Action: directory.WatchlistUpdated}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	path := "/watchlists/" + w.watchlist
	f.want(200, "PATCH", path, `{"included":["ugone","`+w.local+`"],"excluded":["ugone2"],"title":"Same"}`)
	got := f.want(400, "PATCH", path, `{"included":["ugone","`+strings.Repeat(`unone","`, 12)+w.local+`"]}`)
	if strings.Contains(got.raw, "ugone") || strings.Contains(got.raw, w.local) || !strings.Contains(got.raw, "unone and 2 more") {
		t.Errorf("refused: %s", got.raw)
	}
}
