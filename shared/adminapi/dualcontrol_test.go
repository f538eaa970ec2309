package adminapi_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/shared/adminapi"
	"rollcall/shared/directory"
)

// mayGive says of every operation that changes something what it does when it would give privileged roles to more people
// under dual control: it waits, is refused, or gives none.
var mayGive = map[string]string{
	"createApiKey": "waits", "createToken": "waits", "createRole": "waits", "updateRole": "waits",
	"createOrganization": "waits", "updateOrganization": "waits", "deactivateOrganization": "waits", "reactivateOrganization": "waits",
	"setOrganizationMapping": "waits", "createOrganizationMappingEntry": "waits", "updateOrganizationMappingEntry": "waits",
	"deleteOrganizationMappingEntry": "waits", "reorderOrganizationMapping": "waits",
	"setRoleMapping": "waits", "createRoleMappingEntry": "waits", "updateRoleMappingEntry": "waits", "deleteRoleMappingEntry": "waits",
	"unlinkGroup": "waits", "restoreProvider": "waits",
	"grantRole": "waits", "moveUser": "waits", "pinOrganization": "waits", "unpinOrganization": "waits", "reactivateUser": "waits",
	"convertUserToProvisioned": "waits", "convertConflict": "waits", "startApplyRun": "waits", "undoApplyRun": "waits",

	"applyConfig": "refused", "planConfig": "refused", "preApproveConflicts": "refused", "createProvider": "refused",
	"deleteProvider": "refused",

	"updateSettings": "takes two", "approveProposal": "takes two", "approveRoleMappingEntry": "takes two", "approveApplyRun": "takes two",
	"confirmApiKey": "takes two",

	"rejectProposal": "none", "rejectRoleMappingEntry": "none", "revokeApiKey": "none", "revokeToken": "none", "revokeRole": "none",
	"createApplyRun": "none", "cancelApplyRun": "none", "deleteRole": "none", // its id is not given out again
	"ignoreConflict": "none", "renameConflict": "none", "createUser": "none", "updateUser": "none", // local users follow no rules
	"cancelPendingDeactivations": "none", "setDeactivationDelay": "none", "cancelDeactivation": "none",
	"blockUser": "none", "unblockUser": "none", "deactivateUser": "none", "eraseUser": "none", "convertUserToLocal": "none",
	"blockOrganization": "none", "unblockOrganization": "none",
	"updateProvider": "none", "goLiveProvider": "none", "pauseProvider": "none", "resumeProvider": "none",
	"setGuard": "none", "approveGuardEvent": "none", "rejectGuardEvent": "none", // the directory's changes
	"createLegalHold": "none", "closeLegalHold": "none", "placeHolds": "none", "importCustodians": "none", "releaseHold": "none",
	"createWatchlist": "none", "updateWatchlist": "none", "deleteWatchlist": "none",
	"createWebhook": "none", "updateWebhook": "none", "deleteWebhook": "none", "rotateWebhook": "none", "testWebhook": "none",
	"replayWebhook": "none", "replayDelivery": "none", "retryTask": "none",
	"createTenant": "none", "pauseTenant": "none", "resumeTenant": "none", "removeTenant": "none",
	"createTenantApiKey": "none", // a first key
}

// TestEveryWriterIsClassified keeps a new operation from being forgotten, and the document as the table says.
func TestEveryWriterIsClassified(t *testing.T) {
	t.Parallel()
	listed := 0
	for _, r := range adminapi.Routes() {
		class, ok := mayGive[r.Operation]
		if ok {
			listed++
		}
		if (r.Method != "GET") != ok {
			t.Errorf("%s: say in mayGive whether it could give privileged roles", r.Operation)
		}
		o, _ := operationOf(r.Method, strings.ReplaceAll(r.Path, "{id}", "x"))
		answers, _ := o.def["responses"].(map[string]any)
		if _, proposed := answers["202"]; class == "waits" && !proposed && !strings.HasSuffix(r.Operation, "ApplyRun") {
			t.Errorf("the document does not say that %s may answer 202", r.Operation)
		}
	}
	if listed != len(mayGive) {
		t.Errorf("the table has %d operations, of which %d exist", len(mayGive), listed)
	}
}

// duo is a tenant with a provider whose people get roles from groups, and two persons.
type duo struct {
	*fixture
	w      world
	p      string // the path of the provider
	second []string
	org    string // an organization with a privileged default role
}

const securityAdministrator = "security-administrator"

func newDuo(t *testing.T) *duo {
	t.Helper()
	f := newFixture(t)
	d := &duo{fixture: f, w: f.populateAll()}
	d.p = "/providers/" + d.w.provider
	d.second = []string{"Authorization", "Bearer " + f.newKey(f.tenant, directory.RoleAdministrator, time.Time{})}
	f.want(200, "PUT", d.p+"/role-mapping", `{"mode":"groups"}`)
	d.org = f.want(201, "POST", "/organizations",
		`{"name":"Privileged","defaultRoles":["security-administrator"],"confirm":"Security Administrator"}`).str("id")
	return d
}

func (d *duo) on() reply {
	d.advance(time.Second)
	return d.want(200, "PATCH", "/settings", `{"dualControl":true}`)
}

// waits fails unless the request is proposed, gives the role, changes nothing, can be approved by the second person only,
// and is carried out then.
func (d *duo) waits(method, path, body, role string, done func() bool) {
	d.t.Helper()
	before := d.dump(d.w)
	dry := d.do(method, path+"?dryRun=true", body)
	if said := dry.str("gives.0.role") + dry.str("roles.0"); said != role || dry.str("id") != "" || dry.str("dryRun") != "true" ||
		dry.status != 202 {
		d.t.Errorf("the dry run of %s: %s", path, dry.raw)
	}
	if d.dump(d.w) != before {
		d.t.Errorf("the dry run of %s wrote something", path)
	}
	got := d.want(202, method, path, body)
	id := got.str("id")
	if !strings.Contains(got.raw, `"role":"`+role+`"`) && got.str("roles.0") != role {
		d.t.Errorf("%s %s gives %s", method, path, got.raw)
	}
	d.deliver()
	if done() {
		d.t.Fatalf("%s %s is in force before it is approved", method, path)
	}
	found := false
	for _, item := range d.want(200, "GET", "/proposals", "").items() {
		p := item.(map[string]any)
		if p["id"] == id {
			found = true
			if gives := fmt.Sprint(p["gives"]); !strings.Contains(gives, "role:"+role) {
				d.t.Errorf("%s %s: the list says %s", method, path, gives)
			}
		}
	}
	if !found {
		d.t.Errorf("%s %s is not among the proposals", method, path)
	}
	d.want(403, "POST", "/proposals/"+id+":approve", "")
	made := d.want(201, "POST", "/api-keys", `{"displayName":"Another","role":"identity-management-administrator"}`)
	d.want(403, "POST", "/proposals/"+id+":approve", "", "Authorization", "Bearer "+made.str("token"))
	d.deliver()
	if done() {
		d.t.Fatalf("%s %s: the same person approved it", method, path)
	}
	d.want(200, "POST", "/proposals/"+id+":approve", "", d.second...)
	d.deliver()
	if !done() {
		d.t.Errorf("%s %s is not in force though it was approved", method, path)
	}
	d.want(404, "POST", "/proposals/"+id+":approve", "", d.second...)
}

func (d *duo) holds(path, text string) func() bool {
	return func() bool { return strings.Contains(d.want(200, "GET", path, "").raw, text) }
}

// Nothing that one person does brings a privileged role to more people while dual control is on.
func TestDualControl(t *testing.T) {
	t.Parallel()
	entry := func(d *duo, group, roles string) string {
		return fmt.Sprintf(`{"groups":[%q],"roles":[%s]}`, group, roles)
	}
	quoted := fmt.Sprintf("%q", securityAdministrator)
	for name, story := range map[string]func(d *duo){
		"a role mapping": func(d *duo) {
			d.on()
			d.waits("POST", d.p+"/role-mapping/mappings", entry(d, d.w.spareGroup, quoted), securityAdministrator,
				func() bool {
					return d.want(200, "GET", d.p+"/role-mapping", "").str("mappings.1.roles.0") == securityAdministrator
				})
		},
		"a mapping to a role that is not privileged for a moment": func(d *duo) {
			d.on()
			d.waits("PATCH", "/roles/"+securityAdministrator, `{"privileged":false}`, securityAdministrator, func() bool {
				for _, item := range d.want(200, "GET", "/roles", "").items() {
					if r := item.(map[string]any); r["id"] == securityAdministrator {
						return r["privileged"] == false
					}
				}
				return false
			})
		},
		"a role that is deleted and made again": func(d *duo) {
			d.on()
			d.want(200, "DELETE", "/roles/org-legal-admin", "")
			d.want(409, "POST", "/roles", `{"name":"Org Legal Admin","privileged":false}`)
			d.want(409, "POST", "/roles", `{"name":"x","id":"org-legal-admin"}`)
			d.want(409, "POST", "/config:apply", `{"roles":[{"id":"org-legal-admin","name":"x"}]}`)
		},
		"a grant by hand": func(d *duo) {
			d.on()
			d.waits("POST", "/users/"+d.w.local+"/role-grants", `{"role":"security-administrator"}`, securityAdministrator,
				d.holds("/users/"+d.w.local+"/role-grants", securityAdministrator))
			d.want(200, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"agent-user"}`)
			d.want(200, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"security-administrator"}`) // they have it
			d.want(200, "DELETE", "/users/"+d.w.local+"/role-grants/security-administrator", "")
		},
		"default roles": func(d *duo) {
			d.on()
			d.waits("PATCH", "/organizations/"+d.w.organization, `{"defaultRoles":["security-administrator"]}`, securityAdministrator,
				d.holds("/organizations/"+d.w.organization, securityAdministrator))
			d.want(200, "PATCH", "/organizations/"+d.w.organization, `{"defaultRoles":[]}`)
		},
		"a new organization": func(d *duo) {
			d.on()
			d.waits("POST", "/organizations", `{"name":"Another","defaultRoles":["security-administrator"]}`, securityAdministrator,
				d.holds("/organizations", `"name":"Another"`))
		},
		"the method of the organization mapping": func(d *duo) {
			d.on()
			d.waits("PUT", d.p+"/organization-mapping", `{"method":"single","organizationId":"`+d.org+`"}`, securityAdministrator,
				d.holds(d.p+"/organization-mapping", `"organizationId":"`+d.org+`","`))
		},
		"a group's organization, and the order": func(d *duo) {
			d.want(200, "DELETE", d.p+"/role-mapping/mappings/"+d.w.roleMapping, "")
			d.on()
			d.waits("PATCH", d.p+"/organization-mapping/mappings/"+d.w.secondMapping, `{"organizationId":"`+d.org+`"}`, securityAdministrator,
				d.holds(d.p+"/organization-mapping", d.org))
			first := func() bool {
				return d.want(200, "GET", d.p+"/organization-mapping", "").str("mappings.0.id") == d.w.secondMapping
			}
			d.waits("POST", d.p+"/organization-mapping/mappings:reorder",
				fmt.Sprintf(`{"mappings":[%q,%q]}`, d.w.secondMapping, d.w.orgMapping), securityAdministrator, first)
			d.want(200, "POST", d.p+"/organization-mapping/mappings:reorder",
				fmt.Sprintf(`{"mappings":[%q,%q]}`, d.w.orgMapping, d.w.secondMapping))
			d.waits("DELETE", d.p+"/organization-mapping/mappings/"+d.w.orgMapping, "", securityAdministrator, first)
		},
		"a move": func(d *duo) {
			d.on()
			d.waits("POST", "/users/"+d.w.provisioned+":move", `{"organizationId":"`+d.org+`"}`, securityAdministrator,
				d.holds("/users/"+d.w.provisioned, d.org))
		},
		"the deletion of an ordinary role mapping": func(d *duo) {
			d.on()
			d.waits("DELETE", d.p+"/role-mapping/mappings/"+d.w.roleMapping, "", securityAdministrator,
				func() bool { return d.want(200, "GET", d.p+"/role-mapping", "").str("mappings.0.id") == "" })
		},
		"a configuration as a whole": func(d *duo) {
			d.on()
			before := d.dump(d.w)
			got := d.want(409, "POST", "/config:apply",
				`{"organizations":[{"name":"Ordinary"},{"name":"Harmful","defaultRoles":["security-administrator"]}],"confirmPrivileged":true}`)
			if !strings.Contains(got.str("detail"), "Harmful") || !strings.Contains(got.str("detail"), "one by one") {
				d.t.Errorf("it does not say what to ask for: %s", got.raw)
			}
			if d.dump(d.w) != before || strings.Contains(d.want(200, "GET", "/organizations", "").raw, "Ordinary") {
				d.t.Error("a part of it was done")
			}
			d.want(200, "POST", "/config:apply", `{"organizations":[{"name":"Ordinary"}]}`)
		},
		"a role that somebody has becomes privileged": func(d *duo) {
			d.want(200, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"agent-user"}`)
			d.on()
			marked := func() bool {
				return strings.Contains(d.want(200, "GET", "/roles", "").raw, `"privileged":true,"system":true,"userCount":1`)
			}
			d.waits("PATCH", "/roles/agent-user", `{"privileged":true}`, "agent-user", marked)
			d.want(201, "POST", "/roles", `{"name":"Nobodys"}`)
			d.want(200, "PATCH", "/roles/nobodys", `{"privileged":true}`)
		},
		"a token": func(d *duo) {
			d.want(201, "POST", d.p+"/role-mapping/mappings",
				`{"groups":["`+d.w.spareGroup+`"],"roles":["security-administrator"],"confirm":"Security Administrator"}`)
			d.on()
			d.advance(time.Millisecond)
			got := d.want(202, "POST", d.p+"/tokens", `{}`)
			token := got.str("token")
			if token == "" || d.opens(d.w.provider, token) {
				d.t.Fatalf("it works before it is approved: %s", got.raw)
			}
			d.want(403, "POST", "/proposals/"+got.str("id")+":approve", "")
			answer := d.want(200, "POST", "/proposals/"+got.str("id")+":approve", "", d.second...)
			if !d.opens(d.w.provider, token) || strings.Contains(answer.raw, token) {
				d.t.Errorf("it does not work though it is approved: %s", answer.raw)
			}
			other := d.want(201, "POST", "/providers", `{"displayName":"Ordinary"}`).str("id")
			d.want(201, "POST", "/providers/"+other+"/tokens", "{}")
		},
		"a key with rights that its maker lacks": func(d *duo) {
			d.on()
			got := d.want(202, "POST", "/api-keys", `{"displayName":"x","role":"legal-hold-administrator"}`)
			token := []string{"Authorization", "Bearer " + got.str("token")}
			d.want(401, "GET", "/me", "", token...)
			d.want(403, "POST", "/proposals/"+got.str("id")+":approve", "")
			d.want(200, "POST", "/proposals/"+got.str("id")+":approve", "", d.second...)
			d.want(200, "GET", "/me", "", token...)
			d.want(201, "POST", "/api-keys", `{"displayName":"x","role":"auditor"}`)
		},
		"the switch": func(d *duo) {
			on := d.on()
			if on.str("warning") != "" || !strings.Contains(on.raw, `"persons":[`) || !strings.Contains(on.raw, `"createdAt"`) {
				d.t.Errorf("it does not list the persons: %s", on.raw)
			}
			d.advance(time.Millisecond)
			made := []string{"Authorization", "Bearer " +
				d.want(201, "POST", "/api-keys", `{"displayName":"x","role":"identity-management-administrator"}`).str("token")}
			id := d.want(200, "GET", "/me", "", made...).str("key.id")
			third := []string{"Authorization", "Bearer " +
				d.want(201, "POST", "/api-keys", `{"displayName":"y","role":"identity-management-administrator"}`, made...).str("token")}
			d.want(200, "PATCH", "/settings", `{"dualControl":false}`)
			for _, mine := range [][]string{nil, made, third} {
				d.want(403, "PATCH", "/settings", `{"dualControl":false}`, mine...)
				d.want(403, "POST", "/api-keys/"+id+":confirm", "", mine...)
			}
			if got := d.want(200, "POST", "/api-keys/"+id+":confirm", "", d.second...); got.str("confirmedBy") == "" {
				d.t.Errorf("the confirmed key: %s", got.raw)
			}
			if got := d.want(200, "PATCH", "/settings", `{"dualControl":false}`, third...); got.str("dualControl") != "false" {
				d.t.Errorf("two persons did not end it: %s", got.raw)
			}
		},
		"any other change of the subject ends a proposal": func(d *duo) {
			d.on()
			grant := func() string {
				return d.want(202, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"security-administrator"}`).str("id")
			}
			id := grant()
			if got := d.want(200, "GET", "/proposals", ""); got.str("items.0.gives.0.people") != "1" {
				d.t.Errorf("it does not say to how many: %s", got.raw)
			}
			if again := grant(); again != id {
				d.t.Errorf("the same request waits twice: %s and %s", id, again)
			}
			d.want(200, "PATCH", "/users/"+d.w.local, `{"title":"Officer"}`)
			d.want(409, "POST", "/proposals/"+id+":approve", "", d.second...)
			if got := d.want(200, "GET", "/proposals", ""); len(got.items()) != 0 {
				d.t.Errorf("it is still listed: %s", got.raw)
			}
			id = grant()
			d.want(200, "POST", "/proposals/"+id+":reject", "")
			grant()
			d.want(200, "POST", "/users/"+d.w.local+":deactivate", `{"reason":"x"}`)
			d.want(200, "POST", "/users/"+d.w.local+":erase", `{"reason":"x","confirm":"`+d.w.local+`"}`)
			if ps, err := d.svc.Proposals.ListProposals(context.Background(), d.tenant); err != nil || len(ps.Waiting) != 0 {
				d.t.Errorf("after the person was erased: %+v, %v", ps, err)
			}
			d.want(404, "POST", "/proposals/"+id+":approve", "", d.second...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(newDuo(t))
		})
	}
}

// With one person only, dual control is switched on with a warning.
func TestDualControlWithOnePerson(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.want(201, "POST", "/api-keys", `{"displayName":"Mine","role":"auditor"}`)
	if got := f.want(200, "PATCH", "/settings", `{"dualControl":true}`); got.str("warning") == "" || got.str("persons.0.id") == "" {
		t.Errorf("no warning: %s", got.raw)
	}
}

// While dual control is off, names of privileged roles are typed where a change reaches people whom it does not name.
func TestPrivilegedRolesAreConfirmed(t *testing.T) {
	t.Parallel()
	d := newDuo(t)
	d.want(200, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"security-administrator"}`) // it names its person
	d.want(200, "POST", "/users/"+d.w.provisioned+":move", `{"organizationId":"`+d.org+`"}`)
	d.want(200, "POST", "/users/"+d.w.local+"/role-grants", `{"role":"agent-user"}`)
	for _, c := range []struct{ method, path, body, confirm string }{
		{"PATCH", "/organizations/" + d.w.organization, `{"defaultRoles":["security-administrator","cross-org-admin"]`,
			"Cross Org Admin,Security Administrator"},
		{"POST", "/organizations", `{"name":"Another","defaultRoles":["security-administrator"]`, "Security Administrator"},
		{"PUT", d.p + "/organization-mapping", `{"method":"single","organizationId":"` + d.org + `"`, "Security Administrator"},
		{"PATCH", "/roles/security-administrator", `{"privileged":false`, "Security Administrator"},
		{"PATCH", "/roles/security-administrator", `{"privileged":true`, "Security Administrator"},
		{"PATCH", "/roles/agent-user", `{"privileged":true`, "Agent User"},
	} {
		if got := d.want(400, c.method, c.path, c.body+"}"); got.str("errors.0.field") != "confirm" {
			t.Errorf("%s %s: %s", c.method, c.path, got.raw)
		}
		want := 200
		if c.method == "POST" {
			want = 201
		}
		d.want(want, c.method, c.path, c.body+`,"confirm":"`+c.confirm+`"}`)
	}
	d.want(201, "POST", "/api-keys", `{"displayName":"x","role":"legal-hold-administrator"}`)
	if got := d.want(200, "GET", "/audit-log?action=api-key.created-beyond-maker", ""); len(got.items()) != 1 {
		t.Errorf("it does not stand out: %s", got.raw)
	}
}
