package integration_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
)

// killedAfter ends its caller just after a number of writes of providers: they are stored, and nobody hears of it.
type killedAfter struct {
	directory.Providers
	left *atomic.Int64
}

func (k killedAfter) UpdateProvider(
	ctx context.Context, t directory.TenantID, id directory.ProviderID, update directory.Update[directory.Provider],
) (directory.Provider, error) {
	p, err := k.Providers.UpdateProvider(ctx, t, id, update)
	if err == nil && k.left.Add(-1) == 0 {
		return p, errors.New("killed")
	}
	return p, err
}

// Each warning before a token ends reaches a webhook once on every store, although a sweep is killed and several run at
// the same time.
func TestExpiringTokensAreAnnouncedOnce(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var left atomic.Int64
			h := newWebhookEnv(t, func(t testing.TB) directory.Ports {
				ports := open(t)
				ports.Providers = killedAfter{ports.Providers, &left}
				return ports
			})
			r := newReceiver(t, h.Clock.Now)
			_, secret := h.webhook(r.URL, directory.EventTokenExpiring)
			r.secrets = []string{secret}
			as, end := h.Service.As(h.Admin), h.Clock.Now().Add(31*24*time.Hour)
			want := map[string]int{}
			for _, name := range []string{"A", "B", "C"} {
				p, _, err := as.Providers.Create(t.Context(), administration.NewProvider{DisplayName: name, Profile: "entra",
					AuthType: directory.AuthOAuthToken, TokenExpiresAt: end})
				h.must(err)
				want[string(p.Credentials[0].ID)] = 1
			}
			k, _, err := as.APIKeys.Create(t.Context(),
				administration.NewAPIKey{DisplayName: "Audit", Role: directory.RoleAuditor, ExpiresAt: end})
			h.must(err)
			want[string(k.ID)] = 1
			for _, days := range []int{30, 7, 1} {
				h.Clock.Advance(end.AddDate(0, 0, -days).Sub(h.Clock.Now()))
				left.Store(2)
				if _, err := h.Service.Sweep(t.Context(), never); err == nil {
					t.Error("the kill was not noticed")
				}
				done := make(chan error)
				for range 3 {
					go func() { _, err := h.Service.Sweep(t.Context(), never); done <- err }()
				}
				for range 3 {
					h.must(<-done)
				}
				h.Follow(t)
				_, err := h.Service.DeliverDue(t.Context(), never)
				h.must(err)
				got := map[string]int{}
				r.mu.Lock()
				for _, e := range r.got {
					got[e.Subject]++
					if e.ExpiresAt == nil || !e.ExpiresAt.Equal(end) {
						t.Errorf("%d days before: the event says %v", days, e.ExpiresAt)
					}
				}
				r.got = nil
				r.mu.Unlock()
				h.want("warned", got, want)
			}
		})
	}
}
