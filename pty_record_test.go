package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"minimega/shell/term/termtest"
)

// unrecorded types, at a prompt and at one of -attach, what is not to be kept.
func unrecorded(t *testing.T, d *desk) {
	own, n := d.prompt(t)
	for name, c := range map[string]*termtest.Console{"own": own, "attached": d.attach(t, n)} {
		for _, line := range []string{".record false", "# hidden remark", "echo hidden " + name, ".record true", ".record false echo hidden too", ".csv true .rec f echo hidden as well", "echo kept " + name} {
			c.Send(line + enter)
			if _, words, ok := strings.Cut(line, "echo "); ok {
				c.Expect(": " + words + "\r\n")
			}
			c.Expect("$ ")
		}
		c.Send("\x12hidden " + name) // the keys know it, here
		c.Expect("(reverse-i-search)`hidden " + name + "': echo hidden " + name)
		c.Send(ctrlC)
	}
	kept, err := os.ReadFile(filepath.Join(d.setup.Dir, "minimega", "history"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"echo kept own\n", "echo kept attached\n", ".record false\n"} {
		if !strings.Contains(string(kept), want) {
			t.Errorf("the file lacks %q", want)
		}
	}
	if strings.Contains(string(kept), "hidden") {
		t.Errorf("the file has what was not to be recorded:\n%s", kept)
	}
}
