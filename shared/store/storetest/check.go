package storetest

import (
	"errors"
	"fmt"

	"rollcall/shared/directory"
)

var checkChapter = []promise{
	{"checks/hold against racing creations", racingCreations},
	{"checks/hold against racing changes", racingRevocations},
	{"checks/are asked about what would be written", checkedWrites},
}

var errNoRoom = errors.New("no room")

// room admits records while there are fewer than n.
func room[T any](n int) directory.Check[T] {
	return func(all []T) error {
		if len(all) >= n {
			return errNoRoom
		}
		return nil
	}
}

// admitted fails unless n of the errors are nil and all others are of the check.
func (w *world) admitted(what string, errs []error, n int) {
	w.Helper()
	got := 0
	for _, err := range errs {
		if err == nil {
			got++
		} else if !errors.Is(err, errNoRoom) {
			w.Errorf("%s: %v", what, err)
		}
	}
	w.equal(what+": admitted", got, n)
}

func racingCreations(w *world) {
	const most = 5
	w.admitted("webhooks", race(racers, func(i int) error {
		h := w.newWebhook(fmt.Sprint(i))
		return w.Webhooks.CreateWebhook(w.ctx, w.tenant, h, room[directory.Webhook](most), w.adminEntry(directory.WebhookCreated, string(h.ID)))
	}), most)
	hs, err := w.Webhooks.ListWebhooks(w.ctx, w.tenant)
	w.must(err)
	w.equal("webhooks", len(hs), most)
	w.must(w.Webhooks.DeleteWebhook(w.ctx, w.tenant, hs[0].ID, func(h directory.Webhook) (directory.LogEntry, error) {
		return w.adminEntry(directory.WebhookDeleted, string(h.ID)), nil
	}))
	h := w.newWebhook("again")
	w.must(w.Webhooks.CreateWebhook(w.ctx, w.tenant, h, room[directory.Webhook](most), w.adminEntry(directory.WebhookCreated, string(h.ID))))

	w.admitted("API keys", race(racers, func(i int) error {
		k := w.newAPIKey(fmt.Sprint(i))
		return w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, room[directory.APIKey](1), w.adminEntry(directory.APIKeyCreated, string(k.ID)))
	}), 1)
	w.admitted("watchlists", race(racers, func(i int) error {
		id := directory.WatchlistID(fmt.Sprint("w", i))
		_, err := w.Watchlists.UpdateWatchlist(w.ctx, w.tenant, id, room[directory.Watchlist](most),
			func(directory.Watchlist) (directory.Watchlist, *directory.LogEntry, error) {
				e := w.adminEntry(directory.WatchlistUpdated, string(id))
				return directory.Watchlist{ID: id, Version: 1}, &e, nil
			})
		return err
	}), most)
	w.equal("watchlists", len(w.watchlists()), most)
}

// revoke revokes a key unless it is the last one that is not revoked.
func (w *world) revoke(id directory.CredentialID) error {
	last := func(all []directory.APIKey) error {
		for _, k := range all {
			if k.ID != id && k.State != directory.CredentialRevoked {
				return nil
			}
		}
		return errNoRoom
	}
	_, err := w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, id, last, func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
		if k.State == directory.CredentialRevoked {
			return k, nil, nil
		}
		k.State, k.Version = directory.CredentialRevoked, k.Version+1
		e := w.adminEntry(directory.APIKeyRevoked, string(k.ID))
		return k, &e, nil
	})
	return err
}

func racingRevocations(w *world) {
	const keys = 4
	for i := range keys {
		k := w.newAPIKey(fmt.Sprint(i))
		w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, nil, w.adminEntry(directory.APIKeyCreated, string(k.ID))))
	}
	all, err := w.APIKeys.ListAPIKeys(w.ctx, w.tenant)
	w.must(err)
	w.admitted("revocations", race(keys, func(i int) error { return w.revoke(all[i].ID) }), keys-1)
}

func checkedWrites(w *world) {
	k := w.newAPIKey("key")
	w.must(w.APIKeys.CreateAPIKey(w.ctx, w.tenant, k, func(all []directory.APIKey) error {
		w.equal("before the first key", all, nil)
		return nil
	}, w.adminEntry(directory.APIKeyCreated, string(k.ID))))
	entries := len(w.log(directory.LogQuery{}))
	second := w.newAPIKey("second")
	refuse := func(all []directory.APIKey) error {
		w.equal("before another change", all, []directory.APIKey{k})
		return errNoRoom
	}
	err := w.APIKeys.CreateAPIKey(w.ctx, w.tenant, second, refuse, w.adminEntry(directory.APIKeyCreated, string(second.ID)))
	w.admitted("a refused key", []error{err}, 0)
	edit := func(write bool) error {
		_, err := w.APIKeys.UpdateAPIKey(w.ctx, w.tenant, k.ID, refuse, func(k directory.APIKey) (directory.APIKey, *directory.LogEntry, error) {
			if !write {
				return k, nil, nil
			}
			k.DisplayName = "other"
			e := w.adminEntry(directory.APIKeyRevoked, string(k.ID))
			return k, &e, nil
		})
		return err
	}
	w.admitted("a refused change", []error{edit(true)}, 0)
	w.must(edit(false))
	all, err := w.APIKeys.ListAPIKeys(w.ctx, w.tenant)
	w.must(err)
	w.equal("the keys", all, []directory.APIKey{k})
	w.equal("entries", len(w.log(directory.LogQuery{})), entries)
}
