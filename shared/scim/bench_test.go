package scim_test

import (
	"testing"

	"rollcall/shared/scim"
)

func BenchmarkParseFilter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := users.ParseFilter(`userName eq "x"`, lenient); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyActive(b *testing.B) {
	tree := parse(b, person)
	body := []byte(quote(patchBody(op("Replace", "active", "'False'"))))
	b.ReportAllocs()
	for b.Loop() {
		v, err := scim.Parse(body)
		if err != nil {
			b.Fatal(err)
		}
		p, err := scim.ParsePatch(v)
		if err != nil {
			b.Fatal(err)
		}
		if r, err := users.Apply(tree, scim.Value{}, p, lenient); err != nil || !r.Changed {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeUser(b *testing.B) {
	body := parse(b, person)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := users.Decode(body, lenient); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	body := []byte(quote(person))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := scim.Parse(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkProject(b *testing.B) {
	v := parse(b, resource)
	p, err := users.ParseProjection(nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = p.Append(buf[:0], v)
	}
}

func BenchmarkMatch(b *testing.B) {
	v := parse(b, resource)
	f, err := users.ParseFilter(`emails[type eq "work"].value eq "B@example.com" and active eq true`, lenient)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !f.Match(v) {
			b.Fatal("no match")
		}
	}
}

// The budget of a filter is stated in allocations, which do not depend on the machine.
func TestParseFilterAllocations(t *testing.T) {
	for text, budget := range map[string]float64{
		`userName eq "x"`: 1,
		`userName eq "x" and title eq "y" and active eq true and displayName co "z" and nickName pr`:                         9,
		`(userName eq "X" and title eq "Y") or not (active eq true) or (displayName co "Z" and nickName pr)`:                 9,
		`(userName eq "x" or title eq "y") and emails[type eq "work" and value co "@x.example"] and nickName pr`:             9,
		`userName eq "x" or userName eq "y" or title sw "z" or urn:ietf:params:scim:schemas:core:2.0:User:title pr or id pr`: 9,
	} {
		if _, err := users.ParseFilter(text, lenient); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = users.ParseFilter(text, lenient) }); n > budget {
			t.Errorf("%s: %v allocations, want %v at most", text, n, budget)
		}
	}
}
