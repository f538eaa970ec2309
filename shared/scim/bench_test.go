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
	if n := testing.AllocsPerRun(100, func() { _, _ = users.ParseFilter(`userName eq "x"`, lenient) }); n > 10 {
		t.Errorf("%v allocations, want 10 at most", n)
	}
}
