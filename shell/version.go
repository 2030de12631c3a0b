package shell

import (
	"runtime/debug"
	"strings"
)

// Version returns what `version` prints of a program of that name and number:
// with the revision that it was built from and that revision's day, where the
// build has them. Programs find the whole revision in it.
func Version(name string) string {
	build, _ := debug.ReadBuildInfo()
	return withRevision(name, build)
}

// withRevision is [Version] of a build, which may be nil.
func withRevision(name string, build *debug.BuildInfo) string {
	if build == nil {
		return name
	}
	known := map[string]string{}
	for _, s := range build.Settings {
		known[s.Key] = s.Value
	}
	if known["vcs.revision"] == "" {
		return name
	}
	day, _, _ := strings.Cut(known["vcs.time"], "T")
	text := strings.TrimSpace(name + " " + known["vcs.revision"] + " " + day)
	if known["vcs.modified"] == "true" {
		text += " modified"
	}
	return text
}
