// Package provisioning serves directories: over SCIM they read, create, change and delete their own users and groups.
// It authenticates the caller, confines a provider to its own records, and writes each change with its log entry. It
// knows neither SCIM nor HTTP: package scimapi translates. Package follow does what follows from a change.
package provisioning

import (
	"bytes"
	"context"
	"time"

	"rollcall/shared/directory"
)

// Service serves directories. Safe for concurrent use.
type Service struct {
	ports directory.Ports
	rt    directory.Runtime
	usage usageMeter
}

// New returns the service on the ports.
func New(p directory.Ports, rt directory.Runtime) *Service { return &Service{ports: p, rt: rt} }

// Now is the current time as stored in records.
func (s *Service) Now() time.Time { return s.rt.Time() }

// Caller is the sender of a provisioning request: the provider named in the URL, the bearer token, and the
// request's ids for the log.
type Caller struct {
	Provider        directory.ProviderID
	Token           string
	RequestID       directory.RequestID
	ClientRequestID directory.RequestID
}

// session is one provisioning request.
type session struct {
	*Service
	caller   Caller
	tenant   directory.TenantID
	now      time.Time
	actor    directory.Actor
	provider directory.Provider // once admitted
}

func (s *Service) session(c Caller) *session {
	t, _ := c.Provider.Tenant() // "" reads nothing: no provider can exist there
	return &session{Service: s, caller: c, tenant: t, now: s.rt.Time(), actor: directory.Actor{
		Kind: directory.ActorProvider, RequestID: c.RequestID, ClientRequestID: c.ClientRequestID,
	}}
}

// admit returns the Admit of the session: it authenticates the caller, and then calls also.
func (x *session) admit(also directory.Admit) directory.Admit {
	return func(p directory.Provider) error {
		cred, err := p.Authenticate(x.caller.Token, x.now)
		if err != nil {
			return err
		}
		if err := p.Serves(); err != nil {
			return err
		}
		x.actor.ID, x.provider = string(cred.ID), p
		x.noteRequest(cred.ID)
		if also != nil {
			return also(p)
		}
		return nil
	}
}

// entry starts a log entry of the session.
func (x *session) entry(a directory.Action) directory.LogEntry {
	x.usage.note(x.caller.Provider, func(u *usageSeen) { u.LastWriteAt = directory.Latest(u.LastWriteAt, x.now) })
	return directory.LogEntry{ID: x.rt.EntryID(), At: x.now, Provider: x.caller.Provider, Actor: x.actor, Action: a}
}

// countryCode is the code of the country in the new profile of u; u's present one if the attributes do not change.
func (x *session) countryCode(u directory.User, p directory.Profile) string {
	if x.rt.Country == nil || bytes.Equal(u.Attributes, p.Attributes) {
		return u.CountryCode
	}
	return x.rt.Country(directory.CountryName(p.Attributes))
}

// Authorize admits a provisioning request that reads no record: discovery and unknown endpoints.
// Errors: Unauthenticated; Unavailable; what also returns.
func (s *Service) Authorize(ctx context.Context, c Caller, also directory.Admit) error {
	x := s.session(c)
	if x.tenant == "" {
		return directory.ErrUnauthenticated()
	}
	p, err := s.ports.Providers.Provider(ctx, x.tenant, c.Provider)
	if err != nil && !directory.IsKind(err, directory.NotFound) {
		return err
	}
	return x.admit(also)(p)
}
