package shell

import (
	"runtime/debug"
	"testing"
)

func TestVersionHoldsTheRevisionThatWasBuilt(t *testing.T) {
	const revision = "fa1e40dff61528c315ee86c55c0781a53df9ba09"
	build := func(settings ...string) *debug.BuildInfo {
		var b debug.BuildInfo
		for i := 0; i < len(settings); i += 2 {
			b.Settings = append(b.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
		}
		return &b
	}
	for _, tt := range []struct {
		build *debug.BuildInfo
		want  string
	}{
		{nil, "mm 1"},
		{build("GOOS", "linux"), "mm 1"},
		{build("vcs.revision", revision, "vcs.time", "2026-11-23T02:23:00Z", "vcs.modified", "false"), "mm 1 " + revision + " 2026-11-23"},
		{build("vcs.revision", revision, "vcs.modified", "true"), "mm 1 " + revision + " modified"},
	} {
		if got := withRevision("mm 1", tt.build); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}
