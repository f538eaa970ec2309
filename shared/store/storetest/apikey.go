package storetest

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/shared/directory"
	"rollcall/shared/random"
)

var apiKeyChapter = []promise{
	{"api keys/every field is kept", apiKeys},
	{"api keys/found by hash in their tenant", apiKeyByHash},
}

func (w *world) newAPIKey(name string) directory.APIKey {
	return directory.APIKey{
		Credential: directory.Credential{
			ID: directory.CredentialID("k" + random.ID()), Hash: directory.HashToken(name + string(w.tenant)), LastFour: "1234", CreatedAt: w.now(),
			CreatedBy: "someone",
			ExpiresAt: w.now(), RetiresAt: w.now(), State: directory.CredentialRetiring, Warned: 7,
		},
		Tenant: w.tenant, DisplayName: name, Role: directory.RoleAuditor, Version: 1,
	}
}

func apiKeys(w *world) {
	var all []directory.APIKey
	for i := range 3 {
		k := w.newAPIKey(fmt.Sprint("key", i))
		e := w.adminEntry(directory.APIKeyCreated, string(k.ID))
		w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, nil, e))
		w.equal("its entry", w.log(directory.LogQuery{Count: 1})[0], e)
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b directory.APIKey) int { return strings.Compare(string(a.ID), string(b.ID)) })
	list := func() []directory.APIKey {
		ks, err := w.APIKeys.ListAPIKeys(w.ctx, w.tenant)
		w.must(err)
		return ks
	}
	w.equal("ListAPIKeys", list(), all)
	entries := len(w.log(directory.LogQuery{}))
	edit := func(write bool) (directory.APIKey, error) {
		return w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, all[1].ID, nil, func(old directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
			w.equal("passed to update", old, all[1])
			if !write {
				return old, nil, nil
			}
			old.State, old.Version = directory.CredentialRevoked, 2
			e := w.adminEntry(directory.APIKeyRevoked, string(old.ID))
			return old, &e, nil
		})
	}
	_, err := edit(false)
	w.must(err)
	w.equal("after no change", list(), all)
	got, err := edit(true)
	w.must(err)
	all[1].State, all[1].Version = directory.CredentialRevoked, 2
	w.equal("answer", got, all[1])
	w.equal("after a change", list(), all)
	byHash, err := w.APIKeys.APIKeyByHash(w.ctx, w.tenant, all[1].Hash)
	w.must(err)
	w.equal("by hash after a change", byHash, all[1])
	if n := len(w.log(directory.LogQuery{})); n != entries+1 {
		w.Errorf("%d entries were written, want 1", n-entries)
	}
	_, err = w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, "kunknown", nil, func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		w.Error("update was called for an unknown key")
		return k, nil, nil
	})
	w.wantKind("unknown", err, directory.NotFound)
}

func apiKeyByHash(w *world) {
	k := w.newAPIKey("key")
	w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, nil, w.adminEntry(directory.APIKeyCreated, string(k.ID))))
	got, err := w.APIKeys.APIKeyByHash(w.ctx, w.tenant, k.Hash)
	w.must(err)
	w.equal("by hash", got, k)
	_, err = w.APIKeys.APIKeyByHash(w.ctx, w.tenant, directory.HashToken("other"))
	w.wantKind("unknown", err, directory.NotFound)
	_, err = w.APIKeys.APIKeyByHash(w.ctx, w.tenant, directory.TokenHash{})
	w.wantKind("no hash", err, directory.NotFound)
}

func (x intruder) apiKeysRows() map[string]func() {
	ctx, t, v := x.ctx, x.tenant, x.v
	return map[string]func(){
		"APIKeys.CreateAPIKey": func() {
			k := x.newAPIKey("own")
			k.ID = v.key.ID
			x.must(x.APIKeys.CreateAPIKey(ctx, t, k, nil, x.adminEntry(directory.APIKeyCreated, string(k.ID))))
		},
		"APIKeys.APIKeyByHash": func() {
			_, err := x.APIKeys.APIKeyByHash(ctx, t, v.key.Hash)
			x.notFound("APIKeyByHash", err)
		},
		"APIKeys.ListAPIKeys": func() {
			ks, err := x.APIKeys.ListAPIKeys(ctx, t)
			x.must(err)
			x.empty("ListAPIKeys", len(slices.DeleteFunc(ks, func(k directory.APIKey) bool { return k.Tenant == t })), nil)
		},
		"APIKeys.UpdateAPIKey": func() {
			_, err := x.APIKeys.UpdateAPIKey(ctx, t, v.second.ID, nil, func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
				x.Error("update was called for another tenant's key")
				return k, nil, nil
			})
			x.notFound("UpdateAPIKey", err)
		},
	}
}
