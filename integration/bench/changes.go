package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rollcall/integration/tools/dynamolocal"
	"rollcall/shared/directory"
	"rollcall/shared/directorytest"
	"rollcall/shared/store/dynamo"
	"rollcall/shared/store/dynamo/meter"
)

// onDynamo starts the service on a table of DynamoDB Local.
func onDynamo(external directory.External) (server, *directorytest.Env) {
	ctx := context.Background()
	local, err := dynamolocal.Start(ctx, "")
	if err != nil {
		fail(err)
	}
	client, _ := local.Clients()
	if err := dynamo.CreateTable(ctx, client, "bench"); err != nil {
		fail(err)
	}
	store, err := dynamo.Open(ctx, dynamo.Config{Now: time.Now, Client: client, Table: "bench"})
	if err != nil {
		fail(err)
	}
	env := directorytest.New(store.Ports(), directory.Runtime{External: external})
	s := newServer("DynamoDB", env, discard())
	s.close = func() { _ = local.Close() }
	return s, env
}

// changes prints how much processor time functions/changes takes to follow an entry, in batches of 100, with the entries that
// follow from it: the client's alone, of this process. The rules are those of followTimes.
func changes() {
	fmt.Println("| entry, DynamoDB Local | processor time | at a full processor | round trips of a batch | with rules | at a full processor " +
		"| round trips |")
	fmt.Println("|---|---|---|---|---|---|---|")
	var of [2][]string
	for i, rules := range []bool{false, true} {
		of[i] = changesOf(rules)
	}
	for k, name := range []string{"POST user", "PATCH user", "member added"} {
		fmt.Printf("| %s | %s | %s |\n", name, of[0][k], of[1][k])
	}
	fmt.Println()
}

func changesOf(rules bool) (rows []string) {
	s, env := onDynamo(directory.External{Delivering: nobody{}})
	defer s.close()
	group := s.must("POST", "/Groups", groupBody("Everyone"))
	if rules {
		setRules(env, s, group)
	}
	f := follower{env: env, provider: directory.ProviderID(s.base[strings.LastIndexByte(s.base, '/')+1:])}
	const n, batch, warm = 1100, 100, 100
	var ids []string
	for _, do := range []func(i int){
		func(i int) { ids = append(ids, s.must("POST", "/Users", userBody(i))) },
		func(i int) { s.must("PATCH", "/Users/"+ids[i], patchBody("replace", "title", `"Director"`)) },
		func(i int) {
			s.must("PATCH", "/Groups/"+group, patchBody("add", "members", `[{"value":"`+ids[i]+`"}]`))
		},
	} {
		f.all()
		var took time.Duration
		var rounds int
		for i := 0; i < n; i += batch {
			for k := i; k < i+batch; k++ {
				do(k)
			}
			began := f.cpu
			r := f.all()
			if i >= warm {
				took, rounds = took+f.cpu-began, rounds+r
			}
		}
		each := took / (n - warm)
		rows = append(rows, fmt.Sprintf("%d µs | %.0f/s | %.1f", each.Microseconds(), float64(time.Second)/float64(each),
			float64(rounds)/(n-warm)*batch))
	}
	return rows
}

// follower follows the log of a provider as functions/changes does.
type follower struct {
	env      *directorytest.Env
	provider directory.ProviderID
	position string
	cpu      time.Duration // that following took
}

// all follows all entries, and those that follow from them, 100 at a time, and returns the round trips.
func (f *follower) all() (rounds int) {
	for {
		es, err := f.env.Log.EntriesAfter(context.Background(), directory.DefaultTenant, f.provider, f.position, "", 100)
		if err != nil {
			fail(err)
		}
		if len(es) == 0 {
			return rounds
		}
		batch := make([]directory.TenantEntry, len(es))
		for i, e := range es {
			batch[i] = directory.TenantEntry{Tenant: directory.DefaultTenant, Entry: e}
		}
		f.position = es[len(es)-1].Position()
		ctx, m := meter.With(context.Background())
		began := cpuTime()
		for _, x := range f.env.FollowBatch(ctx, batch) {
			fail(fmt.Errorf("%s of entry %s: %w", x.Step, strconv.Itoa(x.At), x.Err))
		}
		f.cpu += cpuTime() - began
		rounds += m.Rounds()
	}
}
