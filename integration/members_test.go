package integration_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"rollcall/integration/stack"
)

// Removing by a filter removes the members that match the whole filter, also between other operations.
func TestRemoveMembersByFilter(t *testing.T) {
	t.Parallel()
	s := stack.New(t, stack.Options{})
	c := newClient(t, s, s.Local())
	var ids []string
	for i := range 4 {
		u := c.send("POST", "/Users", user(fmt.Sprint("m", i)))
		u.wants(t, "create", 201, "")
		ids = append(ids, u.id())
	}
	inner := c.send("POST", "/Groups", group("Inner"))
	inner.wants(t, "create", 201, "")
	everybody := append(slices.Clone(ids), inner.id())
	eq := func(i int) string { return `value eq "` + ids[i] + `"` }
	for name, tt := range map[string]struct {
		ops  []object
		left []string
	}{
		"one value":              {[]object{op("remove", "members["+eq(0)+"]", nil)}, everybody[1:]},
		"value and another type": {[]object{op("remove", `members[`+eq(0)+` and type eq "Group"]`, nil)}, everybody},
		"value and its type":     {[]object{op("remove", `members[`+eq(0)+` and type eq "User"]`, nil)}, everybody[1:]},
		"one of two values":      {[]object{op("remove", `members[`+eq(0)+` or `+eq(1)+`]`, nil)}, everybody[2:]},
		"all of a type":          {[]object{op("remove", `members[type eq "User"]`, nil)}, everybody[4:]},
		"all but one":            {[]object{op("remove", `members[not (`+eq(3)+`)]`, nil)}, ids[3:]},
		"all, then one again": {[]object{op("remove", "members", nil), op("add", "members", []object{{"value": ids[2]}})},
			ids[2:3]},
		"one added and matched afterwards": {
			[]object{op("remove", "members", nil), op("add", "members", []object{{"value": ids[2]}}), op("remove", `members[type eq "User"]`, nil)},
			nil,
		},
		"replaced": {[]object{op("replace", "members", []object{{"value": ids[1]}})}, ids[1:2]},
		"removed by value and added again": {
			[]object{op("remove", "members", []object{{"value": ids[0]}}), op("add", "members", []object{{"value": ids[0]}})}, everybody,
		},
		"a value that is not a member": {[]object{op("remove", `members[value eq "u0000000000000000000000000"]`, nil)}, everybody},
	} {
		g := c.send("POST", "/Groups", group(name, everybody...))
		g.wants(t, name, 201, "")
		c.send("PATCH", "/Groups/"+g.id(), patch(tt.ops...)).wants(t, name, 204, "")
		got := map[string]bool{}
		list, _ := c.send("GET", "/Groups/"+g.id(), nil).json["members"].([]any)
		for _, m := range list {
			got[m.(object)["value"].(string)] = true
		}
		want := map[string]bool{}
		for _, id := range tt.left {
			want[id] = true
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: left %v, want %v", name, slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)))
		}
	}
}

// Twelve requests at the same time each add a member. Whatever number an answer, an entry or an event has, it has it
// alone; and where a store cannot know one, there is none.
func TestGroupETags(t *testing.T) {
	t.Parallel()
	const n = 12
	for name, open := range stores {
		for _, profile := range []string{"entra", "okta"} {
			t.Run(name+"/"+profile, func(t *testing.T) {
				t.Parallel()
				s := stack.New(t, stack.Options{Ports: open, Profile: profile})
				c := newClient(t, s, s.Local())
				ids := make([]string, n)
				for i := range ids {
					ids[i] = c.send("POST", "/Users", user(fmt.Sprint("m", i))).id()
				}
				g := c.send("POST", "/Groups", group("Crew")).id()
				tags := make([]string, n)
				var wg sync.WaitGroup
				for i := range n {
					wg.Go(func() {
						for { // a busy store is asked again
							a := c.send("PATCH", "/Groups/"+g, patch(op("add", "members", []object{{"value": ids[i]}})))
							if tags[i] = a.header.Get("ETag"); a.status != 503 {
								return
							}
						}
					})
				}
				wg.Wait()
				now := c.send("GET", "/Groups/"+g, nil)
				if list, _ := now.json["members"].([]any); len(list) != n || now.header.Get("ETag") != fmt.Sprintf(`W/"%d"`, n+1) {
					t.Errorf("%d members at version %s", len(list), now.header.Get("ETag"))
				}
				for _, tag := range tags { // the resource of a 200 is read after the change
					if (tag == "") != (profile == "entra") || tag == `W/"1"` {
						t.Errorf("the ETags are %q", tags)
					}
				}
				own := c.send("PATCH", "/Groups/"+g, patch(op("replace", "displayName", "Crew 2")), "If-Match", now.header.Get("ETag"))
				if tag := own.header.Get("ETag"); tag != fmt.Sprintf(`W/"%d"`, n+2) {
					t.Errorf("with a precondition the ETag is %q", tag)
				}
				s.Follow(t)
				numbers := map[int64]int{}
				for _, e := range s.Entries(t) {
					if e.Group != "" {
						numbers[e.Version]++
					}
				}
				for i := range int64(n + 2) {
					if numbers[i+1] != 1 || len(numbers) != n+2 {
						t.Errorf("the entries have the numbers %v", numbers)
					}
				}
			})
		}
	}
}
