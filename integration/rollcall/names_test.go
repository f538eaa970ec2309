package main

import (
	"strings"
	"testing"
)

func TestNamesStandForIDs(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim, lee := s.person("Kim@contoso.example"), s.person("lee@contoso.example")
	s.want(0, `org create "Deep Sea" --default-roles "agent user,Desktop User"`, "Agent User, Desktop User")
	org := s.object(`org show " DEEP sea "`)["id"].(string)
	// A name in any case, an id, a short id, an e-mail address, an earlier name.
	s.want(0, "user show kim@CONTOSO.example", kim)
	s.want(0, "user show "+kim, "Kim@contoso.example")
	s.want(0, "org show odefault", "Default")
	s.want(0, "org change 'deep sea' --name Ocean", "Ocean", "Deep Sea")
	s.want(0, "org show 'deep sea'", org)
	s.want(0, "user create glass --email glass@contoso.example")
	s.want(0, "user show glass@contoso.example", "glass")
	s.want(0, "org change Ocean --parent Default", "Parent", "Default")
	s.want(0, "org change Ocean --parent ''")
	// The error for an unknown name suggests the nearest one.
	s.want(4, "user show kin@contoso.example", `there is no user "kin@contoso.example"; did you mean "Kim@contoso.example"?`)
	s.want(4, "user show kim", `did you mean "Kim@contoso.example"?`)
	s.want(4, "org show Ocaen", `did you mean "Ocean"?`)
	s.want(4, "provider show Demi", `did you mean "Demo"?`)
	s.want(4, "user list --provider Nowhere", `there is no provider "Nowhere"`)
	s.want(4, "user show u0000000000000000000000000", "no such user")
	s.want(4, "provider show ../users", `there is no provider "../users"`)
	// Lists separated by commas, by repeated flags, and with a comma in a name.
	s.group("Sales, EMEA", kim)
	s.group("Divers", lee)
	s.group(`\"Quoted\"`, lee)
	s.settled()
	s.want(0, `org-mapping set Demo --method groups --org Default`)
	s.want(0, `org-mapping add Demo --groups "Sales, EMEA" --groups divers --org Ocean`, "Sales, EMEA, Divers")
	s.want(0, `org-mapping change Demo Divers --groups '"Sales, EMEA",Divers'`, "Sales, EMEA, Divers")
	s.want(0, `org-mapping add Demo --groups '"Quoted"' --org Ocean`, `"Quoted"`)
	s.want(0, `org-mapping delete Demo '"quoted"' --yes`)
	s.want(0, `role-mapping set Demo --mode groups`)
	s.want(0, `role-mapping add Demo --groups divers --roles "agent user, PROe user"`, "Agent User, PROe User")
	s.want(4, `org-mapping add Demo --groups "Sales, EMEA,Nobody" --org Ocean`, "no group")
	s.want(0, `org-mapping change Demo "Sales, EMEA" --groups "Sales, EMEA"`)
	s.want(0, `org-mapping add Demo --groups Divers --org Default`)
	s.want(0, `org-mapping reorder Demo Divers "Sales, EMEA"`, "1         Divers")
	s.want(0, `group show Demo divers`, "Maps to organization  Default", "Maps to roles         Agent User, PROe User")
	s.want(0, `webhook create Payroll --to https://hooks.contoso.example/`)
	s.want(0, `webhook show payroll`, "Payroll")
	s.want(0, `delivery list --webhook payroll`)
	s.want(0, `sync-log list --user kim@contoso.example --group divers --org ocean --role "Agent User" --provider Demo`)
	s.want(0, `user list --org Ocean --role "Agent User"`)
	s.want(4, `user list --review nonsense`, `there is no guard event "nonsense"`)
	s.want(2, `user list --review latest`, `of which provider`)
	s.want(0, `org create --name -ref`)
	s.want(0, `org show -- -ref`, "-ref")
}

// If two records have one name, the candidates are shown, and nothing is changed.
func TestAmbiguousNamesShowTheCandidates(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	kim := s.person("kim@contoso.example")
	one := s.group("Divers", kim)
	other := s.object("provider create Other")
	status, body := s.scimAt(strings.Replace(s.SCIMURL, s.ProviderID, other["id"].(string), 1), other["token"].(string), "POST", "/Groups",
		`{"displayName":"divers"}`)
	if status != 201 {
		t.Fatal(body)
	}
	two := between(body, `"id":"`, `"`)
	s.want(2, "watchlist create Divers --type custom --groups Divers", one+"  Divers of provider Demo", two+"  divers of provider Other")
	if out := s.want(0, "watchlist list"); strings.Contains(out, "Divers") {
		t.Errorf("the watchlist was created: %s", out)
	}
	s.want(0, "watchlist create Divers --type custom --groups "+one, "Divers")
	s.want(0, "group show Other Divers", two)
	for range 2 {
		s.want(0, "apikey create Twin --role auditor")
	}
	s.want(2, "apikey revoke twin --yes", `2 API keys are named "twin"`)
}

// A key that may not list records can still use their ids, and sees ids instead of names.
func TestNamesWithoutPermission(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	auditor := s.as("auditor")
	auditor.want(0, "sync-log list --provider "+s.ProviderID)
	auditor.want(1, "sync-log list --provider Demo",
		"This needs a key with the role identity-management-administrator or identity-management-viewer.")
	auditor.want(0, "audit-log list")
}
