package adminapi

import (
	"encoding/json"
	"net/http"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

func webhookRoutes() []route {
	return []route{
		{Route{get, "/webhooks", "listWebhooks", readers}, pageQuery, (*request).listWebhooks},
		{Route{post, "/webhooks", "createWebhook", administrators}, dryQuery, (*request).createWebhook},
		{Route{get, "/webhooks/{id}", "getWebhook", readers}, nil, (*request).getWebhook},
		{Route{patch, "/webhooks/{id}", "updateWebhook", administrators}, dryQuery, (*request).updateWebhook},
		{Route{del, "/webhooks/{id}", "deleteWebhook", administrators}, dryQuery, (*request).deleteWebhook},
		{Route{post, "/webhooks/{id}:rotate", "rotateWebhook", administrators}, dryQuery, (*request).rotateWebhook},
		{Route{post, "/webhooks/{id}:test", "testWebhook", administrators}, dryQuery, (*request).testWebhook},
		{Route{post, "/webhooks/{id}:replay", "replayWebhook", administrators}, dryQuery, (*request).replayWebhook},
	}
}

type webhook struct {
	ID          directory.WebhookID    `json:"id,omitempty"`
	DisplayName string                 `json:"displayName"`
	URL         string                 `json:"url"`
	Types       []directory.EventType  `json:"types"`
	State       directory.WebhookState `json:"state"`
	Secrets     []webhookSecret        `json:"secrets"`
	Version     int64                  `json:"version"`
	CreatedAt   instant                `json:"createdAt"`
	ModifiedAt  instant                `json:"modifiedAt"`
	Secret      string                 `json:"secret,omitempty"` // clear text, only in the answer that created it
	DryRun      bool                   `json:"dryRun,omitempty"`
}

type webhookSecret struct {
	LastFour  string   `json:"lastFour"`
	CreatedAt instant  `json:"createdAt"`
	RetiresAt *instant `json:"retiresAt,omitempty"`
}

func (r *request) viewWebhook(w directory.Webhook) webhook {
	return webhook{
		ID: w.ID, DisplayName: w.DisplayName, URL: w.URL, Types: append([]directory.EventType{}, w.Types...), State: w.State,
		Secrets: mapSlice(w.Secrets, func(s directory.WebhookSecret) webhookSecret {
			return webhookSecret{s.LastFour, instant{s.CreatedAt}, timeOrNil(s.RetiresAt)}
		}),
		Version: w.Version, CreatedAt: instant{w.Created}, ModifiedAt: instant{w.Modified}, DryRun: r.admin.DryRun,
	}
}

func (r *request) answerWebhook(w directory.Webhook, err error) (answer, error) {
	return answer{version: w.Version, body: r.viewWebhook(w)}, err
}

func (r *request) listWebhooks() (answer, error) {
	after, limit, err := r.pageQuery()
	if err != nil {
		return answer{}, err
	}
	all, err := r.as().Webhooks.List(r.ctx())
	if err != nil {
		return answer{}, err
	}
	ws, next := pageAfter(all, func(w directory.Webhook) string { return string(w.ID) }, after, limit)
	return answer{body: page[webhook]{Items: mapSlice(ws, r.viewWebhook), NextCursor: r.cursor(next)}}, nil
}

func (r *request) getWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err != nil {
		return answer{}, err
	}
	return r.answerWebhook(r.as().Webhooks.ByID(r.ctx(), id))
}

// eventTypes reads a list of event types.
func eventTypes(to func([]directory.EventType)) reader {
	words := mapSlice(directory.EventTypes(), func(t directory.EventType) string { return string(t) })
	var types []directory.EventType
	read := list(len(words), word(func(s string) { types = append(types, directory.EventType(s)) }, words...))
	return func(at string, raw json.RawMessage) []fieldError {
		bad := read(at, raw)
		to(append([]directory.EventType{}, types...))
		return bad
	}
}

func (r *request) createWebhook() (answer, error) {
	var n administration.NewWebhook
	err := r.read(members{
		"displayName": text(set(&n.DisplayName), 1, 100), "url": text(set(&n.URL), 1, 500), "types": eventTypes(set(&n.Types)),
	}, "displayName", "url")
	if err != nil {
		return answer{}, err
	}
	w, secret, err := r.as().Webhooks.Create(r.ctx(), n)
	v := r.viewWebhook(w)
	v.Secret = r.clearText(secret)
	if v.DryRun {
		v.ID = ""
	}
	return answer{status: http.StatusCreated, version: w.Version, location: string("/webhooks/" + w.ID), body: v}, err
}

func (r *request) matchWebhook(w directory.Webhook) error { return r.ifMatch(w.Version) }

func (r *request) updateWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err != nil {
		return answer{}, err
	}
	var n administration.WebhookPatch
	err = r.read(members{
		"displayName": text(setPtr(&n.DisplayName), 1, 100), "url": text(setPtr(&n.URL), 1, 500), "types": eventTypes(setPtr(&n.Types)),
		"state": word(func(s string) {
			setPtr(&n.State)(directory.WebhookState(s))
		}, string(directory.WebhookActive), string(directory.WebhookPaused)),
	})
	if err != nil {
		return answer{}, err
	}
	return r.answerWebhook(r.as().Webhooks.Patch(r.ctx(), id, r.matchWebhook, n))
}

func (r *request) deleteWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	w, err := r.as().Webhooks.Delete(r.ctx(), id, r.matchWebhook)
	return answer{body: r.viewWebhook(w)}, err
}

// The overlap of two secrets: the time that applications need to switch to the new one.
const (
	defaultSecretOverlap = 24 * time.Hour
	longestSecretOverlap = 7 * 24 * time.Hour
)

func (r *request) rotateWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err != nil {
		return answer{}, err
	}
	overlap := defaultSecretOverlap
	if len(r.body) > 0 {
		if err := r.read(members{"overlapSeconds": seconds(set(&overlap), longestSecretOverlap)}); err != nil {
			return answer{}, err
		}
	}
	w, secret, err := r.as().Webhooks.Rotate(r.ctx(), id, r.matchWebhook, overlap)
	v := r.viewWebhook(w)
	v.Secret = r.clearText(secret)
	return answer{version: w.Version, body: v}, err
}

func (r *request) testWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err == nil {
		err = r.readNothing()
	}
	if err != nil {
		return answer{}, err
	}
	return r.answerWebhook(r.as().Webhooks.Test(r.ctx(), id))
}

func (r *request) replayWebhook() (answer, error) {
	id, err := pathID[directory.WebhookID](r, 0, "webhook")
	if err != nil {
		return answer{}, err
	}
	n := administration.ReplayOf{Webhook: id}
	if err := r.read(members{"since": moment(set(&n.Since)), "until": moment(set(&n.Until))}, "since", "until"); err != nil {
		return answer{}, err
	}
	if n.Since.After(n.Until) {
		return answer{}, invalid(fieldError{"since", "must not be after until"}, fieldError{"until", "must not be before since"})
	}
	n.Since, n.Until = clampTime(n.Since), clampTime(n.Until)
	if err := r.as().Deliveries.Replay(r.ctx(), n); err != nil {
		return answer{}, err
	}
	return r.answerWebhook(r.as().Webhooks.ByID(r.ctx(), id))
}
