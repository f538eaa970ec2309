package stacks

import (
	ours "rollcall/infra/constructs"
	"rollcall/shared/adminapi"
	"rollcall/shared/follow"
	"rollcall/shared/scimapi"
)

// What functions do with the table. None may delete the table, read its stream, or list others.
var (
	reads  = []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
	writes = append([]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem",
		"dynamodb:BatchWriteItem"}, reads...)
)

// function is a function of the deployment and what leads to it.
type function struct {
	ours.FunctionSpec
	follows bool           // the log entries of the table's stream
	woken   bool           // by schedules
	erases  bool           // what removed tenants have: it alone reads the whole table
	signs   bool           // the log, and what is exported of it
	secrets []string       // actions of KMS on the key of webhooks' secrets
	event   map[string]any // what a schedule hands it, as in events/; nil: {"Do": the job}
}

// functions are all there are, one for each folder of functions/. What they answer over HTTP is in the route tables.
func functions() []function {
	return []function{
		{FunctionSpec: ours.FunctionSpec{Name: "users", Table: writes, Reserved: 100}},
		{FunctionSpec: ours.FunctionSpec{Name: "groups", Table: writes, Reserved: 50}},
		{FunctionSpec: ours.FunctionSpec{Name: "discovery", Table: reads}},
		{FunctionSpec: ours.FunctionSpec{Name: "bulk", Table: writes, MemoryMB: 512, Seconds: 28}},
		{FunctionSpec: ours.FunctionSpec{Name: "admin", Table: writes, Seconds: 28}, signs: true, secrets: []string{"kms:Encrypt"}},
		{
			FunctionSpec: ours.FunctionSpec{Name: "changes", Table: writes, Seconds: 60}, follows: true, signs: true,
			secrets: []string{"kms:Decrypt"},
			erases:  true,
		},
		{FunctionSpec: ours.FunctionSpec{Name: "deactivate", Table: writes, Seconds: 300}, woken: true, event: map[string]any{"sweep": true}},
		{FunctionSpec: ours.FunctionSpec{Name: "apply", Table: writes, Seconds: 300}},
	}
}

// eventOf is what a schedule hands the function for a job.
func (f function) eventOf(j follow.Job) map[string]any {
	if f.event != nil {
		return f.event
	}
	return map[string]any{"Do": string(j.Name)}
}

// route is a path of the API and the function that answers it.
type route struct{ path, function string }

// routes derives the paths of the API from the tables that the handlers are made of. SCIM's are taken as they are, and
// what else is below a provider is discovery's to refuse. Of the admin API the gateway knows the first segment only: its
// grammar ({id}:pause) is not the gateway's, and an API has 300 resources at most.
func routes() []route {
	base := scimapi.BasePath + "{providerId}"
	all := []route{}
	for _, r := range scimapi.Routes() {
		all = append(all, route{base + r.Path, r.Function})
	}
	all = append(all, route{base + "/{proxy+}", "discovery"})
	admin := adminapi.BasePath[:len(adminapi.BasePath)-1]
	return append(all, route{admin + "/{proxy+}", "admin"})
}

// FunctionNames returns the names of all functions.
func FunctionNames() []string {
	var names []string
	for _, f := range functions() {
		names = append(names, f.Name)
	}
	return names
}
