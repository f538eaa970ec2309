package main

import (
	"fmt"

	filter "github.com/scim2/filter-parser/v2"

	"rollcall/shared/scim"
)

// parsing prints the cost of single parts of the protocol, and compares filters with the parser of the peer.
func parsing() {
	rt := scim.NewResourceType("User", "/Users", "User Account", scim.UserSchema(), scim.EnterpriseUserSchema())
	const text = `userName eq "kim.akers@contoso.example"`
	ours := measure(func(int) {
		if _, err := rt.ParseFilter(text, scim.Tolerance{}); err != nil {
			fail(err)
		}
	})
	theirs := measure(func(int) {
		if _, err := filter.ParseFilter([]byte(text)); err != nil {
			fail(err)
		}
	})
	attrs, err := scim.Parse([]byte(userBody(1)))
	if err != nil {
		fail(err)
	}
	if attrs, err = rt.Decode(attrs, scim.Tolerance{}); err != nil {
		fail(err)
	}
	body := []byte(patchBody("replace", "active", "false"))
	patched := measure(func(int) {
		v, err := scim.Parse(body)
		if err != nil {
			fail(err)
		}
		p, err := scim.ParsePatch(v)
		if err != nil {
			fail(err)
		}
		if _, err := rt.Apply(attrs, scim.ObjectValue(), p, scim.Tolerance{}); err != nil {
			fail(err)
		}
	})
	fmt.Println("| part | Rollcall | scim2/filter-parser |")
	fmt.Println("|---|---|---|")
	fmt.Printf("| parse `userName eq \"…\"` | %d ns, %d allocs | %d ns, %d allocs |\n", ours.NsPerOp(), ours.AllocsPerOp(), theirs.NsPerOp(),
		theirs.AllocsPerOp())
	fmt.Printf("| parse and apply a PATCH of active | %d ns, %d allocs | |\n\n", patched.NsPerOp(), patched.AllocsPerOp())
}
