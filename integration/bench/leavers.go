package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/random"
	"rollcall/shared/store/sqlite"
)

// deactivations prints how long it takes to deactivate all users who are due in one minute, for several numbers of them.
func deactivations(sizes string) {
	fmt.Println("| pending in one minute, SQLite file | all deactivated after | each |")
	fmt.Println("|---|---|---|")
	for text := range strings.SplitSeq(sizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil {
			fail(err)
		}
		took := deactivate(n)
		fmt.Printf("| %d | %.2f s | %.1f µs |\n", n, took.Seconds(), float64(took.Microseconds())/float64(n))
	}
	fmt.Println()
}

func deactivate(n int) time.Duration {
	path := scratch()
	store, err := sqlite.Open(path, time.Now)
	if err != nil {
		fail(err)
	}
	defer func() { _ = store.Close() }()
	svc := directorytest.New(store.Ports(), directory.Runtime{})
	s := newServer("SQLite", svc, discard())
	provider := directory.ProviderID(s.base[strings.LastIndexByte(s.base, '/')+1:])
	ctx, at := context.Background(), svc.Now()
	for i := range n {
		id := "u" + random.ID()
		u := directory.User{
			ID: directory.UserID(id), ScimID: directory.ScimID(id), Provider: provider, Version: 1, Created: at, Modified: at,
			Profile: directory.Profile{UserName: fmt.Sprintf("user%d@contoso.example", i), Attributes: []byte(userBody(i))},
		}
		u.Pending = &directory.PendingDeactivation{RequestedAt: at, DueAt: at, Cause: directory.CauseDisable, Provider: provider, Generation: 1}
		e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: at, Provider: provider, Action: directory.UserDisabled, User: u.ID,
			Name: u.UserName, Version: 1}
		if _, err := svc.Users.CreateUser(ctx, directory.DefaultTenant, provider, nil,
			func(directory.Provider) (directory.User, directory.LogEntry, error) { return u, e, nil }); err != nil {
			fail(err)
		}
	}
	start := time.Now()
	done, err := svc.DeactivateDue(ctx, directory.JobWakeup)
	if err == nil && done != n {
		err = fmt.Errorf("%d of %d were deactivated", done, n)
	}
	if err != nil {
		fail(err)
	}
	return time.Since(start)
}
