package directory

func setIf[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// Admin is an administrator's authenticated request: the tenant it may see and the actor for the log.
type Admin struct {
	Tenant TenantID
	Actor  Actor
	DryRun bool // check everything, write nothing
	// Confirm is what the administrator typed to be sure, where that is asked for: of apply runs.
	Confirm string
}

func (s *Service) adminEntry(a Admin, action Action) LogEntry {
	return LogEntry{ID: s.entryID(), At: s.Now(), Actor: a.Actor, Action: action, Audit: true}
}
