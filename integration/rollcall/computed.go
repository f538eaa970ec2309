package main

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"rollcall/shared/directory"
)

// computed returns the text of a column that is not a member of the response.
func (c *call) computed(ctx context.Context, item object, name string) string {
	switch name {
	case "@state":
		return shownState(item, c.now())
	case "@person":
		return c.stateOf(ctx, item)
	case "@origin":
		if text(item, "origin") == "local" {
			return "administrators (local user)"
		}
		return c.nameFor(ctx, "provider", text(item, "provider"), "")
	case "@source":
		return c.source(ctx, item)
	case "@by":
		return c.by(ctx, item)
	case "@changes":
		return c.changes(item)
	case "@progress":
		return progress(item)
	case "@deletion":
		if text(item, "deletion.requestedAt") == "" || text(item, "state") != string(directory.ProviderDeleting) {
			return ""
		}
		return "deleting, " + ofAbout(text(item, "deletion.doneCount"), text(item, "deletion.userCount")) + " people"
	case "@credential":
		return strings.Replace(strings.ReplaceAll(text(item, "authType"), "-", " "), "oauth", "OAuth", 1)
	case "@tokens":
		return c.tokensOf(item)
	case "@fate":
		return fates[c.flag("users")]
	case "@pending":
		return c.pendingOf(ctx, item)
	case "@unapplied":
		return c.unapplied(ctx, item)
	case "@outcome":
		return outcomes[text(item, "outcome")]
	case "@when":
		if text(item, "outcome") == "deactivated" {
			return "immediately"
		}
		return c.showTime(text(item, "dueAt"))
	case "@verdict":
		return verdictOf(item)
	case "@gives":
		return c.gives(ctx, item)
	case "@health":
		return c.usage(ctx, item, "health")
	case "@lastUsed":
		return c.lastUsed(ctx, item)
	case "@lastRequest":
		return c.showTime(c.usage(ctx, item, "lastRequestAt"))
	}
	return c.mappingText(ctx, item, name)
}

// mappingText returns the computed texts about mappings.
func (c *call) mappingText(ctx context.Context, item object, name string) string {
	switch name {
	case "@toApply":
		return c.toApply(ctx, item)
	case "@method":
		return orgMethods[text(item, "method")]
	case "@mode":
		return roleModes[text(item, "mode")]
	case "@groupUse":
		return groupUse(item)
	case "@orgOf":
		return c.mappedTo(ctx, item, "organizationMappingId", "getOrganizationMapping", "organizationId")
	case "@rolesOf":
		return c.mappedTo(ctx, item, "roleMappingId", "getRoleMapping", "roles")
	case "@applyHint":
		if text(item, "mode") == string(directory.RolesManual) {
			return "" // a switch to manual has its effect immediately
		}
		return "To apply the mappings to existing people, run: rollcall apply run " + word(c.nameFor(ctx, "provider", c.ids[0], ""))
	}
	panic("unknown computed column " + name)
}

// word returns a name quoted for a shell if necessary.
func word(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("-_.@:/", r) && (r < '0' || r > 'z' || r > '9' && r < 'A' || r > 'Z' && r < 'a')
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// stateOf returns the shown state of an item's person.
func (c *call) stateOf(ctx context.Context, item object) string {
	id := text(item, "userId")
	if id == "" {
		id = text(item, "user")
	}
	if id == "" {
		return ""
	}
	u, err := c.known(ctx, "getUser", id)
	if err != nil {
		return ""
	}
	return shownState(u, c.now())
}

// sources describes the sources of an organization or a role that refer to no other record.
var sources = map[string]string{
	"single": "the organization for new users", "default": "the organization for unmapped users", "attribute": "an attribute of the user",
	"adopted": "unchanged when the user was converted",
}

// source describes the source of an organization or a role.
func (c *call) source(ctx context.Context, item object) string {
	kind, _, _ := strings.Cut(text(item, "source"), ":")
	by, provider := text(item, "by"), ""
	if user, err := c.known(ctx, "getUser", c.ids[0]); err == nil {
		provider = text(user, "provider") // the sources are groups of this provider
	}
	switch kind {
	case "group":
		return "a mapping of the group " + c.nameFor(ctx, "group", text(item, "group"), provider)
	case "mapping":
		return "a mapping of the group " + c.nameFor(ctx, "group", by, provider)
	case "orgDefault":
		return "default of the organization " + c.nameFor(ctx, "organization", by, "")
	case "manual":
		return strings.TrimSpace("assigned by " + cmp.Or(c.nameFor(ctx, "key", by, ""), "an administrator"))
	}
	return cmp.Or(sources[kind], text(item, "source"))
}

// by returns the name of the administrator, provider or job behind a log entry.
func (c *call) by(ctx context.Context, entry object) string {
	switch id := text(entry, "actor.id"); text(entry, "actor.kind") {
	case "provider":
		return c.nameFor(ctx, "provider", text(entry, "provider"), "")
	case "api-key", "operator":
		return c.nameFor(ctx, "key", id, "")
	default:
		cause := text(entry, "cause")
		if cause == "apply" {
			cause += " run " + id
		}
		return "Rollcall (" + cause + ")"
	}
}

// verdictOf describes the result of a verification by the server.
func verdictOf(v object) string {
	if v["ok"] != true {
		return "NOT intact"
	}
	entries, _ := strconv.Atoi(text(v, "entries"))
	unsealed, _ := strconv.Atoi(text(v, "unsealed"))
	return verdict(entries, unsealed)
}

// changes describes the changes of a log entry.
func (c *call) changes(entry object) string {
	var parts []string
	for _, v := range list(entry, "changes") {
		change, _ := v.(object)
		parts = append(parts, text(change, "attribute")+": "+c.plain(change["before"])+" -> "+c.plain(change["after"]))
	}
	return strings.Join(parts, "; ")
}

// plain returns a value of any type on one line.
func (c *call) plain(v any) string {
	switch x := v.(type) {
	case nil:
		return "none"
	case []any:
		var parts []string
		for _, e := range x {
			parts = append(parts, c.plain(e))
		}
		return strings.Join(parts, ", ")
	case object:
		var parts []string
		for _, name := range sortedKeys(x) {
			parts = append(parts, name+" "+c.plain(x[name]))
		}
		return strings.Join(parts, ", ")
	}
	return c.part(printable(v))
}
