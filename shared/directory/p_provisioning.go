package directory

import (
	"context"
	"time"
)

// Caller is who sends a provisioning request: the provider named in the URL, the bearer token, and the
// request's ids for the log.
type Caller struct {
	Provider        ProviderID
	Token           string
	RequestID       string
	ClientRequestID string
}

// session is one provisioning request.
type session struct {
	s        *Service
	caller   Caller
	tenant   TenantID
	now      time.Time
	actor    Actor
	provider Provider // once admitted
}

func (s *Service) session(c Caller) session {
	t, _ := c.Provider.Tenant() // "" reads nothing: no provider can exist there
	return session{s: s, caller: c, tenant: t, now: s.Now(), actor: Actor{
		Kind: ActorProvider, RequestID: c.RequestID, ClientRequestID: c.ClientRequestID,
	}}
}

// admit returns the Admit of the session: it authenticates the caller, and then lets also decide.
func (x *session) admit(also Admit) Admit {
	return func(p Provider) error {
		cred, err := p.Authenticate(x.caller.Token, x.now)
		if err != nil {
			return err
		}
		if err := p.serves(); err != nil {
			return err
		}
		x.actor.ID, x.provider = cred.ID, p
		x.noteRequest(cred.ID)
		if also != nil {
			return also(p)
		}
		return nil
	}
}

// entry starts a log entry of the session.
func (x *session) entry(a Action) LogEntry {
	x.s.usage.note(x.caller.Provider, func(u *Usage) { u.LastWriteAt = later(u.LastWriteAt, x.now) })
	return LogEntry{ID: x.s.entryID(), At: x.now, Provider: x.caller.Provider, Actor: x.actor, Action: a}
}

// Authorize admits a provisioning request that reads no record: discovery and unknown endpoints.
func (s *Service) Authorize(ctx context.Context, c Caller, also Admit) error {
	x := s.session(c)
	if x.tenant == "" {
		return errUnauthenticated()
	}
	p, err := s.Providers.Provider(ctx, x.tenant, c.Provider)
	if err != nil && !IsKind(err, NotFound) {
		return err
	}
	return x.admit(also)(p)
}
