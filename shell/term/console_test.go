package term

import (
	"os"
	"os/exec"
	"testing"

	"github.com/creack/pty"

	"minimega/shell/term/termtest"
)

// start runs the child with a source of completions, in an 80×24 window unless
// a size is given.
func start(t *testing.T, source string, size ...pty.Winsize) *termtest.Console {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+source)
	return termtest.Start(t, cmd, size...)
}
