package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"rollcall/shared/administration"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/follow"
	"rollcall/shared/random"
	"rollcall/shared/store/sqlite"
)

// nobody is a DeliveryStarter that starts nothing: deliveries are stored and not sent.
type nobody struct{}

func (nobody) StartDelivering(context.Context) error { return nil }

// followTimes prints the processor time of following an entry on SQLite in memory: those of 2,000 people, after each kind
// of request, without rules and with 25 mapped groups, a watchlist and a webhook.
func followTimes() {
	fmt.Println("| entry, SQLite in memory | request | following it, without rules | request | following it, with rules |")
	fmt.Println("|---|---|---|---|---|")
	var of [2][]string
	for i, rules := range []bool{false, true} {
		of[i] = followedOf(rules)
	}
	for k, name := range []string{"POST user", "member added", "disable"} {
		fmt.Printf("| %s | %s | %s |\n", name, of[0][k], of[1][k])
	}
	fmt.Println()
}

func followedOf(rules bool) (rows []string) {
	store, err := sqlite.Open(sqlite.Memory, time.Now)
	if err != nil {
		fail(err)
	}
	defer func() { _ = store.Close() }()
	env := directorytest.New(store.Ports(), directory.Runtime{External: directory.External{Delivering: nobody{}}})
	s := newServer("Rollcall", env, discard())
	group := s.must("POST", "/Groups", groupBody("Everyone"))
	if rules {
		setRules(env, s, group)
	}
	const n = 2000
	var ids []string
	for _, do := range []func(i int){
		func(i int) { ids = append(ids, s.must("POST", "/Users", userBody(i))) },
		func(i int) {
			s.must("PATCH", "/Groups/"+group, patchBody("add", "members", `[{"value":"`+ids[i]+`"}]`))
		},
		func(i int) { s.must("PATCH", "/Users/"+ids[i], patchBody("replace", "active", "false")) },
	} {
		followAll(env)
		var requests, following time.Duration
		for i := 0; i < n; i += 100 {
			began := cpuTime()
			for k := i; k < i+100; k++ {
				do(k)
			}
			asked := cpuTime()
			followAll(env)
			requests, following = requests+asked-began, following+cpuTime()-asked
		}
		rows = append(rows, fmt.Sprintf("%.0f µs | %.0f µs", float64(requests.Microseconds())/n, float64(following.Microseconds())/n))
	}
	return rows
}

// followAll follows all entries, and those that follow from them.
func followAll(env *directorytest.Env) {
	for n := 1; n > 0; {
		var err error
		if n, err = env.FollowNew(context.Background(), func(failed []follow.Failure) {
			for _, f := range failed {
				fail(fmt.Errorf("%s: %w", f.Step, f.Err))
			}
		}); err != nil {
			fail(err)
		}
	}
}

// setRules sets 25 mapped groups, a watchlist of the people's department and a webhook for all events.
func setRules(env *directorytest.Env, s server, group string) {
	ctx := context.Background()
	as := env.As(administration.Admin{Tenant: directory.DefaultTenant, Actor: directory.Actor{Kind: directory.ActorSystem, ID: "bench"}})
	ps, err := as.Providers.List(ctx)
	if err != nil {
		fail(err)
	}
	p := ps[0].ID
	free := func(directory.Provider) error { return nil }
	settings := directory.OrgSettings{Method: directory.OrgGroups, Org: directory.DefaultOrg}
	if _, _, err = as.OrgMappings.Set(ctx, p, free, settings); err != nil {
		fail(err)
	}
	for i := range 25 {
		g := group
		if i > 0 {
			g = s.must("POST", "/Groups", groupBody("Group "+strconv.Itoa(i)))
		}
		o, err := as.Organizations.Create(ctx, administration.NewOrganization{Name: "Organization " + strconv.Itoa(i)})
		if err != nil {
			fail(err)
		}
		if _, _, err := as.OrgMappings.Add(ctx, p, free, []directory.GroupID{directory.GroupID(g)}, o.ID); err != nil {
			fail(err)
		}
	}
	w := administration.NewWatchlist{Type: "custom", Title: "Finance", Departments: []string{"Finance"}}
	if _, err = as.Watchlists.Create(ctx, w); err != nil {
		fail(err)
	}
	hook := directory.Webhook{
		ID: "w" + directory.WebhookID(random.ID()), URL: "https://receiver.example", State: directory.WebhookActive, Version: 1,
	}
	e := directory.LogEntry{ID: "e" + directory.EntryID(random.ID()), At: env.Now(), Action: directory.WebhookCreated, Audit: true}
	if err := env.Webhooks.CreateWebhook(ctx, directory.DefaultTenant, hook, nil, e); err != nil {
		fail(err)
	}
}
