package client_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
)

func TestPythonModuleDrivesTheBuiltProgram(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a node")
	}
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not installed, and scripts/setup could not install it")
	}
	n := runNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	cmd := exec.CommandContext(ctx, python, "-W", "error", "testdata/minimega_test.py")
	cmd.Env = append(os.Environ(), "PYTHONPATH=..", "PYTHONDONTWRITEBYTECODE=1", "BASE="+n.Base())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
