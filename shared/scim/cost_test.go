package scim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/shared/scim"
)

// The most expensive requests within the limits end in a time that even a machine under load keeps: the test looks for
// work that grows without bound, not for a slow computer.
func TestHostileRequestsEnd(t *testing.T) {
	const patience = 20 * time.Second
	many := func(n int, f func(i int) string) string {
		parts := make([]string, n)
		for i := range parts {
			parts[i] = f(i)
		}
		return strings.Join(parts, ",")
	}
	for name, run := range map[string]func(){
		"an element in each operation": func() {
			if _, err := apply(t, users, `{'userName':'k'}`, many(scim.MaxOperations, func(i int) string {
				return op("add", "emails", fmt.Sprintf(`{'value':'%d'}`, i))
			}), lenient); err != nil {
				t.Error(err)
			}
		},
		"a primary element in each operation": func() {
			if _, err := apply(t, users, `{'userName':'k'}`, many(scim.MaxOperations, func(i int) string {
				return op("add", "emails", fmt.Sprintf(`{'value':'%d','primary':true}`, i))
			}), lenient); fault(err) != "413" {
				t.Error(err)
			}
		},
		"a path that creates in each operation": func() {
			if _, err := apply(t, users, `{'userName':'k'}`, many(5000, func(i int) string {
				return op("add", fmt.Sprintf(`emails[type eq "%d"].value`, i), `'x'`)
			}), lenient); fault(err) != "413" {
				t.Error(err)
			}
		},
		"many elements removed by value": func() {
			all := "[" + many(scim.MaxElements/2, func(i int) string { return fmt.Sprintf(`{'value':'%d'}`, i) }) + "]"
			if _, err := apply(t, users, `{'userName':'k','emails':`+all+`}`, op("remove", "emails", all), lenient); fault(err) != "413" {
				t.Error(err)
			}
		},
		"a filter over many elements in each operation": func() {
			from := `{'userName':'k','emails':[` + many(1000, func(i int) string { return fmt.Sprintf(`{'value':'%d'}`, i) }) + `]}`
			if _, err := apply(t, users, from, many(1000, func(i int) string {
				return op("replace", fmt.Sprintf(`emails[value eq "%d" or value ew "x"].display`, i), `'d'`)
			}), lenient); err != nil {
				t.Error(err)
			}
		},
		"an object of very many members": func() {
			if _, err := scim.Parse([]byte("{" + many(60000, func(i int) string { return fmt.Sprintf(`"m%d":1`, i) }) + "}")); err != nil {
				t.Error(err)
			}
		},
		"a path of opening brackets": func() {
			_, _ = apply(t, users, person, op("add", strings.Repeat("emails[", 1000), "'x'"), lenient)
		},
		"a number of many digits": func() {
			n := strings.Repeat("9", 1<<20)
			if scim.NumberValue(n + "e9999999999999999999").Equal(scim.NumberValue(n + "8")) {
				t.Error("equal")
			}
		},
	} {
		began := time.Now()
		if run(); time.Since(began) > patience {
			t.Errorf("%s: %v", name, time.Since(began))
		} else {
			t.Logf("%s: %v", name, time.Since(began))
		}
	}
}

func TestPatchVisitsAtTheLimit(t *testing.T) {
	const elements = 1000
	var elems, ops []string
	for i := range elements {
		elems = append(elems, fmt.Sprintf("{'value':'%d'}", i))
	}
	for range scim.MaxVisits / elements {
		ops = append(ops, op("remove", `emails[value eq "none"]`, ""))
	}
	from := `{'userName':'k','emails':[` + strings.Join(elems, ",") + `]}`
	if _, err := apply(t, users, from, strings.Join(ops, ","), lenient); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	if _, err := apply(t, users, from, strings.Join(append(ops, ops[0]), ","), lenient); fault(err) != "413" {
		t.Errorf("over the limit: %v", err)
	}
}
