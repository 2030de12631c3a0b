package main_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"minimega/scripts/netlab"
)

// scriptTime bounds one script; parallel is how many run at a time, at most, for
// each processor: they wait more than they compute.
const (
	scriptTime = 5 * time.Minute
	parallel   = 2
)

// patience is how many times longer than it says a script waits for what must
// come, and how much slower a prompt may be: a program with the race detector is
// several times slower. How long a command may take at most (`on -t`) stays.
func patience() time.Duration {
	if raced() {
		return 3
	}
	return 1
}

// raced reports whether the program is built with the race detector.
func raced() bool { return os.Getenv("MINIMEGA_TEST_RACE") != "" }

// TestScripts runs each script of testdata/script against the built program,
// on hosts in network namespaces. testdata/script/README.md describes the
// commands that the scripts have beside testscript's own.
func TestScripts(t *testing.T) {
	if testing.Short() {
		t.Skip("the scripts take minutes")
	}
	if lab, err := netlab.New(); err != nil {
		t.Skip(err)
	} else if err := errors.Join(lab.Close(), netlab.Sweep()); err != nil {
		t.Fatal(err)
	}
	binary := build(t)
	turn := make(chan struct{}, parallel*runtime.NumCPU())
	testscript.Run(t, testscript.Params{
		Dir:                filepath.Join("testdata", "script"),
		Cmds:               scriptCommands(),
		RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			turn <- struct{}{}
			env.Defer(func() { <-turn })
			return setUp(env, binary)
		},
	})
}

// build builds the program once for all scripts, with the race detector when
// MINIMEGA_TEST_RACE is set.
func build(t testing.TB) string {
	binary := filepath.Join(t.TempDir(), "minimega")
	args := []string{"build", "-o", binary}
	if raced() {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return binary
}

// rig is what one script has: a lab, and where its nodes live.
type rig struct {
	ctx      context.Context // ends at scriptTime
	lab      *netlab.Lab
	setup    netlab.Setup
	switches map[string]*netlab.Switch // by the names that the script uses
	mounts   []string
}

// rigKey finds a script's rig among its values.
type rigKey struct{}

// setUp gives a script its rig.
func setUp(env *testscript.Env, binary string) error {
	scripts, err := filepath.Abs("scripts")
	if err != nil {
		return err
	}
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), scriptTime)
	r := &rig{
		ctx:      ctx,
		lab:      lab,
		setup:    netlab.Setup{Binary: binary, Dir: env.WorkDir, Key: filepath.Join(env.WorkDir, "mesh.key")},
		switches: map[string]*netlab.Switch{},
	}
	env.Values[rigKey{}] = r
	env.Setenv("MINIMEGA", binary)
	env.Setenv("SCRIPTS", scripts)
	env.Setenv("HOME", env.WorkDir)
	env.Setenv("GORACE", "atexit_sleep_ms=0")
	env.Defer(func() {
		defer cancel()
		r.tearDown(env)
	})
	return nil
}

// tearDown removes the rig and shows the nodes' logs when the script failed.
func (r *rig) tearDown(env *testscript.Env) {
	nodes := r.lab.Nodes()
	if err := r.lab.Close(); err != nil {
		env.T().Log(err)
	}
	for _, dir := range r.mounts {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			env.T().Log(fmt.Sprintf("umount %s: %v: %s", dir, err, out))
		}
	}
	if t, ok := env.T().(interface{ Failed() bool }); !ok || !t.Failed() {
		return
	}
	for _, n := range nodes {
		if log, err := os.ReadFile(n.Log()); err == nil && len(log) > 0 {
			env.T().Log(fmt.Sprintf("log of %s:\n%s", n.Name(), log))
		}
	}
}

// scriptCommands returns the scripts' own commands by name.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	commands := map[string]func(*testscript.TestScript, bool, []string){}
	for name, run := range map[string]func(*rig, *testscript.TestScript, []string) error{
		"net":     (*rig).net,
		"mesh":    (*rig).mesh,
		"node":    (*rig).node,
		"on":      (*rig).on,
		"pipe":    (*rig).pipe,
		"waitfor": (*rig).waitfor,
		"waitlog": (*rig).waitlog,
		"mkfile":  (*rig).mkfile,
		"same":    (*rig).same,
		"meta":    (*rig).meta,
		"bytes":   (*rig).bytes,
		"rot":     (*rig).rot,
		"tmpfs":   (*rig).tmpfs,
		"web":     (*rig).web,
	} {
		commands[name] = func(ts *testscript.TestScript, neg bool, args []string) {
			switch err := run(ts.Value(rigKey{}).(*rig), ts, args); {
			case errors.Is(err, errUsage):
				ts.Fatalf("%s %s: %v: see testdata/script/README.md", name, strings.Join(args, " "), err)
			case err != nil && !neg:
				ts.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
			case err == nil && neg:
				ts.Fatalf("%s %s: succeeded", name, strings.Join(args, " "))
			case err != nil:
				ts.Logf("[%v]", err)
			}
		}
	}
	return commands
}

// errUsage says that a script's line is not what a command takes.
var errUsage = errors.New("wrong usage")

// size reads a number of bytes with an optional unit: 60MiB.
func size(s string) (int64, error) {
	for suffix, shift := range map[string]int{"KiB": 10, "MiB": 20, "GiB": 30} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseInt(number, 10, 32)
			return n << shift, err
		}
	}
	return strconv.ParseInt(s, 10, 64)
}
