package main

import "rollcall/infra/stacks"

// difference is one difference between the partitions: gov sets the value for GovCloud.
type difference struct {
	what, source string
	gov          func(*stacks.Partition)
}

// differences is the complete list. Everything else is the same: names of service principals, TLS_1_2, Regional
// endpoints, arm64, one bundle built with GOFIPS140.
var differences = []difference{
	{
		"names of the stacks", "ours: both partitions are in one assembly",
		func(p *stacks.Partition) { p.Name = "RollcallGov" },
	},
	{
		"FIPS endpoints of every AWS service", "AWS GovCloud (US) User Guide, \"Service endpoints\"; SC-13 of FedRAMP",
		func(p *stacks.Partition) { p.FIPSEndpoints = true },
	},
	{
		"regions that the templates are checked for", "AWS GovCloud (US) User Guide, \"AWS GovCloud (US) compared to standard Regions\"",
		func(p *stacks.Partition) { p.Regions = []string{"us-gov-west-1", "us-gov-east-1"} },
	},
	{
		"months that archived log entries are kept", "OMB M-21-31: 12 months active and 18 months cold",
		func(p *stacks.Partition) { p.ArchiveMonths = 30 },
	},
}

// partitions returns the commercial partition and GovCloud.
func partitions() []stacks.Partition {
	commercial := stacks.Partition{Name: "Rollcall", Regions: []string{"us-east-1"}, ArchiveMonths: 12}
	gov := commercial
	for _, d := range differences {
		d.gov(&gov)
	}
	return []stacks.Partition{commercial, gov}
}
