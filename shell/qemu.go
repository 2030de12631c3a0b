package shell

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"minimega/shell/child"
	"minimega/vmconfig"
)

// qemuWithin bounds how long QEMU takes to list what it knows.
const qemuWithin = 5 * time.Second

// checkQEMU refuses a type of machine or CPU that the configured QEMU does not
// know. Where there is no QEMU on this node anything goes, with a warning: the
// machine may be meant for another.
func checkQEMU(ctx context.Context, vm *vmconfig.Config, field, value string) (warning string, err error) {
	kind, _, _ := strings.Cut(value, ",") // features follow
	program, err := vm.Get("qemu")
	if err != nil || kind == "" || kind == "host" { // which is listed only where it works
		return "", err
	}
	path, err := exec.LookPath(program)
	if err != nil {
		return fmt.Sprintf("vm config %s: %q is not checked: %v", field, value, err), nil
	}
	ctx, cancel := context.WithTimeout(ctx, qemuWithin)
	defer cancel()
	text, err := child.Command(ctx, path, "-"+field, "help").Output()
	if err != nil || slices.Contains(strings.Fields(string(text)), kind) {
		return "", nil // one that lists nothing refuses nothing
	}
	return "", fmt.Errorf("vm config %s: must be one that %s knows, but is %q: shell %s -%s help lists them", field, program, kind, program, field)
}
