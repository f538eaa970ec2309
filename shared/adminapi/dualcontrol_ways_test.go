package adminapi_test

import (
	"strings"
	"testing"
)

// Each of these would give a privileged role to more people: it is proposed or refused, and changes nothing.
func TestDualControlKnowsEveryWay(t *testing.T) {
	t.Parallel()
	const role = `"security-administrator"`
	for name, c := range map[string]struct {
		prepare            func(d *duo)
		status             int
		method, path, body string
	}{
		"a mapped role becomes privileged":  {nil, 202, "PATCH", "/roles/desktop-user", `{"privileged":true}`},
		"a default role becomes privileged": {nil, 202, "PATCH", "/roles/agent-user", `{"privileged":true}`},
		"organizations made by an attribute": {nil, 202, "PUT", "PROVIDER/organization-mapping",
			`{"method":"attribute","attribute":"title","templateOrganizationId":"ORG"}`},
		"organizations named by an attribute": {nil, 202, "PUT", "PROVIDER/organization-mapping",
			`{"method":"attribute","attribute":"title"}`},
		"people whom no rule places": {nil, 202, "PUT", "PROVIDER/organization-mapping",
			`{"method":"groups","organizationId":"ORG"}`},
		"a new group mapping": {nil, 202, "POST", "PROVIDER/organization-mapping/mappings",
			`{"groups":["SPARE"],"organizationId":"ORG"}`},
		"one more group of a mapping": {mapPrivileged, 202, "PATCH", "PROVIDER/role-mapping/mappings/MAPPING",
			`{"groups":["SPARE","GROUP"]}`},
		"one more role of a mapping": {nil, 202, "PATCH", "PROVIDER/role-mapping/mappings/ROLES",
			`{"roles":["desktop-user",` + role + `]}`},
		"mappings in force":                 {manual, 202, "PUT", "PROVIDER/role-mapping", `{"mode":"groups"}`},
		"an organization that takes people": {deactivated, 202, "POST", "/organizations/ORG:reactivate", ""},
		"a mapping that is passed over":     {firstOfTwo, 202, "POST", "/organizations/FLEET:deactivate", ""},
		"another name of an organization":   {named, 202, "PATCH", "/organizations/ORG", `{"name":"Divers"}`},
		"a pinned person who is let go":     {pinned, 202, "POST", "/users/MEMBER:unpin-organization", ""},
		"a person of a directory": {localThere, 202, "POST", "/users/LOCAL:convert-to-provisioned",
			`{"reason":"x","provider":"ID"}`},
		"a person of a conflict": {localThere, 202, "POST", "/conflicts/CONFLICT:convert",
			`{"reason":"x"}`},
		"people of a CSV file": {localThere, 200, "POST", "/conflicts:pre-approve",
			`{"provider":"ID","userNames":["local.` + canary + `@agency.example"],"reason":"x"}`},
		"a new provider": {defaultOrg, 409, "POST", "/providers",
			`{"displayName":"Another"}`},
		"the people of a deleted provider":    {everybody, 409, "DELETE", "/providers/OTHER?users=move&moveTo=ID", ""},
		"the mappings of a restored provider": {deletedPrivileged, 202, "POST", "PROVIDER:restore", ""},
		"a configuration with mappings": {nil, 409, "POST", "/config:apply",
			`{"providers":[{"provider":"Entra","organizationMapping":{"method":"single",` +
				`"organization":"Privileged"},"roleMapping":{"mode":"groups"}}]}`},
		"a configuration that unmarks a role": {nil, 409, "POST", "/config:apply",
			`{"roles":[{"id":` + role + `,"name":"Security Administrator","privileged":false}]}`},
		"the plan of a configuration": {nil, 409, "POST", "/config:plan",
			`{"organizations":[{"name":"Fleet","defaultRoles":[` + role + `]}]}`},
		"a token where people get default roles": {everybody, 202, "POST", "PROVIDER/tokens", `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDuo(t)
			other := d.want(201, "POST", "/providers", `{"displayName":"Other"}`).str("id")
			if c.prepare != nil {
				c.prepare(d)
			}
			d.on()
			fill := strings.NewReplacer("PROVIDER", d.p, "ID", d.w.provider, "ORG", d.org, "FLEET", d.w.organization, "SPARE", d.w.spareGroup,
				"GROUP", d.w.group, "ROLES", d.w.roleMapping, "MAPPING", d.w.secondMapping, "MEMBER", d.w.provisioned, "LOCAL", d.w.local,
				"CONFLICT", d.w.conflict, "OTHER", other)
			d.deliver()
			before := d.dump(d.w)
			got := d.want(c.status, c.method, fill.Replace(c.path), fill.Replace(c.body))
			if c.status == 202 && len(d.want(200, "GET", "/proposals", "").items()) != 1 {
				t.Errorf("not proposed: %s", got.raw)
			}
			if c.status == 200 && !strings.Contains(got.raw, "one by one") {
				t.Errorf("not refused: %s", got.raw)
			}
			d.deliver()
			if c.status != 202 && d.dump(d.w) != before {
				t.Errorf("it changed something: %s", got.raw)
			}
		})
	}
}

const confirmed = `,"confirm":"Security Administrator"}`

// mapPrivileged maps a group to the privileged role; w.secondMapping is that mapping.
func mapPrivileged(d *duo) {
	d.want(200, "DELETE", d.p+"/role-mapping/mappings/"+d.w.roleMapping, "")
	d.w.secondMapping = d.want(201, "POST", d.p+"/role-mapping/mappings",
		`{"groups":["`+d.w.spareGroup+`"],"roles":["security-administrator"]`+confirmed).str("id")
}

// deletedPrivileged deletes the provider with such a mapping.
func deletedPrivileged(d *duo) {
	mapPrivileged(d)
	d.want(202, "DELETE", d.p, "")
	d.deliver()
}

// localThere puts a local user, who follows no rules, into the organization with the privileged default role.
func localThere(d *duo) {
	d.want(200, "POST", "/users/"+d.w.local+":move", `{"organizationId":"`+d.org+`"}`)
}

func manual(d *duo) { d.want(200, "PUT", d.p+"/role-mapping", `{"mode":"manual"}`) }

// everybody places the provider's people in the organization with the privileged default role.
func everybody(d *duo) {
	d.want(200, "PUT", d.p+"/organization-mapping", `{"method":"groups","organizationId":"`+d.org+`"`+confirmed)
}

func deactivated(d *duo) {
	everybody(d)
	d.want(200, "PUT", d.p+"/organization-mapping", `{"method":"groups","organizationId":"odefault"}`)
	d.want(201, "POST", d.p+"/organization-mapping/mappings",
		`{"groups":["`+d.w.spareGroup+`"],"organizationId":"`+d.org+`"`+confirmed)
	d.want(200, "POST", "/organizations/"+d.org+":deactivate", "")
}

// firstOfTwo maps the ordinary organization before the privileged one, to which its people would fall.
func firstOfTwo(d *duo) {
	d.want(200, "DELETE", d.p+"/role-mapping/mappings/"+d.w.roleMapping, "")
	for _, u := range []string{d.w.provisioned, d.w.local} {
		d.want(200, "POST", "/users/"+u+":move", `{"organizationId":"odefault"}`)
	}
	everybody(d)
}

func named(d *duo) {
	d.want(200, "PUT", d.p+"/organization-mapping", `{"method":"attribute","attribute":"title"`+confirmed)
}

// pinned keeps a person in an ordinary organization whom the rules place in the privileged one.
func pinned(d *duo) {
	d.want(200, "DELETE", d.p+"/role-mapping/mappings/"+d.w.roleMapping, "")
	d.want(200, "POST", "/users/"+d.w.provisioned+":move", `{"organizationId":"odefault","pin":true}`)
	d.want(200, "PATCH", d.p+"/organization-mapping/mappings/"+d.w.orgMapping,
		`{"organizationId":"`+d.org+`"`+confirmed)
}

func defaultOrg(d *duo) {
	d.want(200, "PATCH", "/organizations/odefault", `{"defaultRoles":["security-administrator"]`+confirmed)
}
