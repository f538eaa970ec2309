package proof_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/shared/proof"
)

func TestLongProofsAreShortUnlessAsked(t *testing.T) {
	for long, want := range map[string]int{"": 40, "1": 100} {
		t.Setenv("ROLLCALL_LONG", long)
		if proof.UnderRace {
			want = 4
		}
		if got := proof.Size(40, 100); got != want {
			t.Errorf("ROLLCALL_LONG=%q: size %d, want %d", long, got, want)
		}
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	for n, want := range map[int][]int{0: {}, 1: {0}, 2: {0, 9}, 4: {0, 3, 6, 9}, 10: all, proof.All: all} {
		if got := proof.Spread(n, all); !slices.Equal(got, want) {
			t.Errorf("%d of ten are %v, want %v", n, got, want)
		}
	}
}

func TestCheckGoesThroughAsManyHistories(t *testing.T) {
	t.Parallel()
	for _, n := range []int{3, 7} {
		seen := 0
		proof.Check(t, n, func(*rapid.T) { seen++ })
		if seen != n {
			t.Errorf("%d histories, want %d", seen, n)
		}
	}
}
