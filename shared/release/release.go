// Package release identifies the running build.
package release

import (
	"cmp"
	"runtime/debug"
	"sync"
)

// version is set by the linker (-X) where the toolchain does not know the tag: in the functions' bundles.
var version string

// Info identifies a build.
type Info struct {
	Version  string // the tag, such as v0.1.0; between tags a pseudo-version; "(devel)" when neither is known
	Revision string // the commit, "" when unknown
	Go       string // the toolchain
}

// Build is the running program's Info.
var Build = sync.OnceValue(func() Info {
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return Info{Version: cmp.Or(version, "(devel)")}
	}
	out := Info{Version: cmp.Or(version, b.Main.Version, "(devel)"), Go: b.GoVersion}
	for _, s := range b.Settings {
		if s.Key == "vcs.revision" {
			out.Revision = s.Value
		}
	}
	return out
})
