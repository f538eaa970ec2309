// Package stacks combines the constructs into a stateful stack, which holds the data, a stateless one, which can be
// deleted and deployed again, and the firewall. Each partition has all three.
package stacks

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Partition is what differs between the commercial partition and GovCloud.
type Partition struct {
	Name          string   // of the stateless stack; the stateful one is <Name>Data
	Regions       []string // that the templates are checked for
	FIPSEndpoints bool     // functions call the FIPS endpoints of AWS
	ArchiveMonths int      // months during which an archived log entry can be neither changed nor deleted
	Assets        string   // folder of the built functions, <architecture>/<function>/bootstrap
}

// Settings are the administrator's choices, given as `-c key=value`. The zero value is a complete deployment.
type Settings struct {
	Domain      string   // domain: host name of the service instead of API Gateway's own
	Certificate string   // certificate: ARN in ACM for the domain; required with it
	Origin      string   // origin: public URL when a proxy stands in front of API Gateway
	Arch        string   // arch: arm64 (default) or amd64
	AlarmEmail  string   // alarmEmail: address that receives the alarms
	EntraRanges []string // entraRanges: CIDR ranges that Entra calls from, separated by commas; others are counted, not refused
	LogRole     bool     // logRole: whether this stack sets the account's role for API Gateway's logs (default true)
	Reserve     bool     // reserve: whether functions reserve concurrency; needs an account limit of 1,000 (default true)
}

// ReadSettings reads the settings through get, which returns nil for a setting that is not given. It reports all
// problems together.
func ReadSettings(get func(key string) any) (Settings, error) {
	var problems []error
	text := func(key string) string {
		if v := get(key); v != nil {
			return fmt.Sprint(v)
		}
		return ""
	}
	flag := func(key string) bool {
		v := text(key)
		if v == "" {
			return true
		}
		b, err := strconv.ParseBool(v)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s must be true or false, not %q", key, v))
		}
		return b
	}
	s := Settings{
		Domain: text("domain"), Certificate: text("certificate"), Origin: text("origin"), Arch: text("arch"),
		AlarmEmail: text("alarmEmail"), LogRole: flag("logRole"), Reserve: flag("reserve"),
	}
	if v := text("entraRanges"); v != "" {
		s.EntraRanges = strings.Split(v, ",")
	}
	if s.Arch == "" {
		s.Arch = "arm64"
	}
	if !slices.Contains([]string{"arm64", "amd64"}, s.Arch) {
		problems = append(problems, fmt.Errorf("arch must be arm64 or amd64, not %q", s.Arch))
	}
	if (s.Domain == "") != (s.Certificate == "") {
		problems = append(problems,
			errors.New("domain and certificate belong together: the certificate's ARN in ACM, in the region of the stack"))
	}
	if u, err := url.Parse(s.Origin); s.Origin != "" && (err != nil || u.Scheme == "" || u.Host == "" || strings.HasSuffix(s.Origin, "/")) {
		problems = append(problems, fmt.Errorf("origin must be a URL without a slash at the end, not %q", s.Origin))
	}
	return s, errors.Join(problems...)
}
