// Package storetest is the contract of the ports of package directory, as tests that every store must pass.
// store/sqlite and store/dynamo run it unchanged; a bug found in one of them becomes a test here.
//
//	func TestContract(t *testing.T) { storetest.Run(t, directory.MaxMemberChange, open) }
//	func TestFeed(t *testing.T) { storetest.Feed(t, synctest.Test, open) }
//
// They prove the promises one by one, with values in every field and with racing callers. Histories proves that two
// stores end in the same state after the same random history: it compares their Dump.
package storetest

import (
	"slices"
	"testing"

	"rollcall/shared/directory"
	"rollcall/shared/proof"
)

// Feed proves the promises of the feed. A feed delivers entries of all tenants, so the tests run one by one, each
// inside run: an entry that failed is delivered again after seconds, which run or the store's clock can shorten.
func Feed(t *testing.T, run func(*testing.T, func(*testing.T)), open func(t *testing.T) directory.Ports) {
	for _, c := range feedChapter {
		t.Run(c.name, func(t *testing.T) {
			run(t, func(t *testing.T) { c.test(newWorld(t, open(t))) })
		})
	}
}

// Run proves every promise of the other ports. open returns the store under test; it is called once per test, may
// return the same store each time, and cleans up with t. The tests run in parallel, each in its own tenants. The
// largest group has one member more than large, which proves the limits if large is directory.MaxMemberChange.
func Run(t *testing.T, large int, open func(t *testing.T) directory.Ports) {
	chapters := [][]promise{
		userChapter, nameChapter, raceChapter, homeChapter, groupChapter, memberChapter, listChapter, admitChapter, isolationChapter, logChapter,
		tenantChapter, providerChapter, conflictChapter, apiKeyChapter, replayChapter, leaverChapter, legalHoldChapter, guardChapter,
		webhookChapter, deliveryChapter, setAsideChapter, chainChapter, taskChapter, usageChapter, aliasChapter, organizationChapter,
		roleChapter, proposalChapter, mappingChapter,
		watchlistChapter, applyRunChapter, countChapter, countryChapter, completionChapter, matchingChapter, versionChapter, numberChapter,
		checkChapter,
	}
	if !proof.UnderRace {
		longest := []promise{{"large/thousands of members", func(w *world) { largeGroup(w, large) }}}
		chapters = slices.Insert(chapters, 0, longest) // starts first
	}
	for _, chapter := range chapters {
		for _, c := range chapter {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				c.test(newWorld(t, open(t)))
			})
		}
	}
}

// promise is one test of the contract, with its own world.
type promise struct {
	name string
	test func(*world)
}
