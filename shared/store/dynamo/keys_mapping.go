package dynamo

import (
	"fmt"
	"strconv"

	"rollcall/shared/directory"
)

const tallyShards = 4

func organizations(t directory.TenantID) string { return join(string(t), "O") }

func organizationKey(t directory.TenantID, id directory.OrgID) key {
	return key{organizations(t), escaper.Replace(string(id))}
}

func organizationName(t directory.TenantID, folded string) key {
	return key{join(string(t), "ON", sum(folded)), "N"}
}

func quotaKey(t directory.TenantID, k string) key { return key{join(string(t), "OQ", sum(k)), "Q"} }

func tallyKey(t directory.TenantID, k string, shard int) key {
	return key{join(string(t), "Y", k, strconv.Itoa(shard)), "Y"}
}

func catalogueKey(t directory.TenantID) key { return key{join(string(t), "RC"), "RC"} }

func mappingsKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "PM"), escaper.Replace(string(p))}
}

func watchlists(t directory.TenantID) string { return join(string(t), "WL") }

func watchlistKey(t directory.TenantID, id directory.WatchlistID) key {
	return key{watchlists(t), escaper.Replace(string(id))}
}

func runs(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "AR", string(p))
}

func runKey(t directory.TenantID, p directory.ProviderID, id directory.RunID) key {
	return key{runs(t, p), escaper.Replace(string(id))}
}

func ranges(t directory.TenantID, id directory.RunID) string {
	return join(string(t), "AX", string(id))
}

func rangeKey(t directory.TenantID, id directory.RunID, n int) key {
	return key{ranges(t, id), fmt.Sprintf("%02d", n)}
}

func pages(t directory.TenantID, id directory.RunID) string { return join(string(t), "AP", string(id)) }

func taskKey(t directory.TenantID, id string) key {
	return key{join(string(t), "TK"), escaper.Replace(id)}
}

func aliasKey(t directory.TenantID, alias string, id directory.UserID) key {
	return key{join(string(t), "NA", sum(alias)), escaper.Replace(string(id))}
}

func countries(t directory.TenantID, p directory.ProviderID) string {
	return join(string(t), "CV", string(p))
}

func countryKey(t directory.TenantID, p directory.ProviderID, value string) key {
	return key{countries(t, p), sum(value)}
}

func usageKey(t directory.TenantID, p directory.ProviderID) key {
	return key{join(string(t), "PU", string(p)), "U"}
}
