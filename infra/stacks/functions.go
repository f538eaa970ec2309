package stacks

import (
	ours "rollcall/infra/constructs"
	"rollcall/shared/adminapi"
	"rollcall/shared/follow"
	"rollcall/shared/scimapi"
)

// Actions of functions on the table. No function may delete the table, read its stream, or list other tables.
var (
	reads  = []string{"dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"}
	writes = append([]string{"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem",
		"dynamodb:BatchWriteItem", "dynamodb:PartiQLInsert"}, reads...)
)

// function is a function of the deployment, its triggers and the keys it uses.
type function struct {
	ours.FunctionSpec
	follows bool           // follows the log entries of the table's stream
	woken   bool           // is woken by schedules
	erases  bool           // erases removed tenants, for which it alone may scan the whole table
	hands   bool           // hands long tasks over to the state machine that carries them
	signs   bool           // signs the log and its exports
	secrets []string       // KMS actions on the key of webhooks' secrets
	event   map[string]any // the event of a schedule, as in events/; nil: {"Do": the job}
}

// functions lists all functions, one for each folder of functions/. The route tables say which HTTP paths they serve.
func functions() []function {
	return []function{
		{FunctionSpec: ours.FunctionSpec{Name: "users", Table: writes, Reserved: 100}},
		{FunctionSpec: ours.FunctionSpec{Name: "groups", Table: writes, Reserved: 50}},
		{FunctionSpec: ours.FunctionSpec{Name: "discovery", Table: reads}},
		{FunctionSpec: ours.FunctionSpec{Name: "bulk", Table: writes, MemoryMB: 512, Seconds: 28}},
		{FunctionSpec: ours.FunctionSpec{Name: "admin", Table: writes, Seconds: 28}, signs: true, secrets: []string{"kms:Encrypt"}},
		{FunctionSpec: ours.FunctionSpec{Name: "changes", Table: writes, MemoryMB: 1024, Seconds: 60}, follows: true},
		{
			FunctionSpec: ours.FunctionSpec{Name: "deliver", Table: writes, MemoryMB: 1024, Seconds: 300, Reserved: 2, Patience: 60},
			secrets:      []string{"kms:Decrypt"},
		},
		{
			FunctionSpec: ours.FunctionSpec{Name: "jobs", Table: writes, MemoryMB: 1024, Seconds: 600, Reserved: 60},
			signs:        true, erases: true, hands: true,
		},
		{FunctionSpec: ours.FunctionSpec{Name: "deactivate", Table: writes, Seconds: 300}, woken: true, event: map[string]any{"sweep": true}},
		{FunctionSpec: ours.FunctionSpec{Name: "apply", Table: writes, Seconds: 300}},
	}
}

// eventOf returns the event that a schedule sends the function for a job.
func (f function) eventOf(j follow.Job) map[string]any {
	if f.event != nil {
		return f.event
	}
	return map[string]any{"Do": string(j.Name)}
}

// route is a path of the API and the function that serves it.
type route struct{ path, function string }

// routes derives the paths of the API from the route tables of the handlers. SCIM paths are taken as they are; one
// function answers every other path below a provider. Of the admin API the gateway knows only the first segments: it cannot parse
// paths such as {id}:pause, and an API has 300 resources at most.
func routes() []route {
	base := scimapi.BasePath + "{providerId}"
	all := []route{}
	for _, r := range scimapi.Routes() {
		all = append(all, route{base + r.Path, r.Function})
	}
	all = append(all, route{base + "/{proxy+}", scimapi.Rest})
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
