package shell

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"minimega/shell/child"

	"golang.org/x/sync/errgroup"
)

// deployAtOnce is how many hosts are deployed to at a time.
const deployAtOnce = 8

// Deployment is how this program is started on other hosts.
type Deployment struct {
	Flags []string // as they are given to it
	Key   string   // file of the mesh's key, which is copied with it; "": none is
}

// Deployment returns what `deploy` begins with: the flags that were given,
// except those that are this host's own, and this node as the head.
func (o Options) Deployment() (Deployment, error) {
	key, err := o.keyFile()
	if err != nil {
		return Deployment{}, err
	}
	own := []string{"name", "key", "cacert", "headnode", "nostdin", "logfile", "force", "recover", "e", "attach", "namespace", "cli", "completion", "version"}
	d := Deployment{Key: key}
	o.flags.Visit(func(f *flag.Flag) {
		if !slices.Contains(own, f.Name) {
			d.Flags = append(d.Flags, "-"+f.Name+"="+f.Value.String())
		}
	})
	d.Flags = append(d.Flags, "-nostdin=true", "-headnode="+string(o.Name))
	return d, nil
}

// deployment is what the deploy commands change. It is safe for concurrent use.
type deployment struct {
	first Deployment

	mu             sync.Mutex // guards what follows
	flags          []string   // nil: those of first
	stdout, stderr string     // paths there; "": /dev/null
}

// flagsOf returns the flags that are in effect. The slice is the caller's.
func (d *deployment) flagsOf() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.flags == nil {
		return slices.Clone(d.first.Flags)
	}
	return slices.Clone(d.flags)
}

// set changes the flags; nil are the first ones.
func (d *deployment) set(flags []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.flags = flags
}

// output returns where the program's answers, or its errors, go there.
func (d *deployment) output(stderr bool) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return redirect(*d.streamLocked(stderr))
}

// setOutput changes that; "" is nowhere.
func (d *deployment) setOutput(stderr bool, path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	*d.streamLocked(stderr) = path
}

func (d *deployment) streamLocked(stderr bool) *string {
	if stderr {
		return &d.stderr
	}
	return &d.stdout
}

// launch is one deployment to some hosts.
type launch struct {
	user           string // "": ssh's own choice
	sudo           bool
	dir            string // that is made there, for this user alone
	key            string // that is copied; "": none is
	flags          []string
	stdout, stderr string
}

// launch takes what is in effect now.
func (d *deployment) launch(user string, sudo bool) launch {
	flags := d.flagsOf()
	d.mu.Lock()
	defer d.mu.Unlock()
	return launch{
		user: user, sudo: sudo, dir: fmt.Sprintf("%s/minimega_deploy_%d", os.TempDir(), time.Now().Unix()),
		key: d.first.Key, flags: flags, stdout: d.stdout, stderr: d.stderr,
	}
}

// on deploys to all hosts, several at a time. Its error tells of each host that
// it failed on.
func (l launch) on(ctx context.Context, hosts []string) error {
	failed := make([]error, len(hosts))
	var group errgroup.Group
	group.SetLimit(deployAtOnce)
	for i, host := range hosts {
		group.Go(func() error {
			failed[i] = l.host(ctx, host)
			return nil
		})
	}
	_ = group.Wait() // they return none
	return errors.Join(failed...)
}

// host copies the program, and the key, to one host and starts it there.
func (l launch) host(ctx context.Context, host string) error {
	to := host
	if l.user != "" {
		to = l.user + "@" + host
	}
	// Only what is made new, for this user alone, can hold a secret.
	if err := run(ctx, host, "ssh", append(sshOptions(), "--", to, "mkdir -m 700 "+quote(l.dir))...); err != nil {
		return err
	}
	copies := [][2]string{{fmt.Sprintf("/proc/%d/exe", os.Getpid()), l.program()}}
	if l.key != "" {
		copies = append(copies, [2]string{l.key, l.keyThere()})
	}
	for _, c := range copies {
		if err := run(ctx, host, "scp", append(sshOptions(), "-p", "--", c[0], to+":"+c[1])...); err != nil {
			return err
		}
	}
	return run(ctx, host, "ssh", append(sshOptions(), "--", to, l.command())...)
}

func (l launch) program() string  { return path.Join(l.dir, "minimega") }
func (l launch) keyThere() string { return path.Join(l.dir, "mesh.key") }

// command is the line of a shell that starts the program, after it has shown
// that it can run there and knows its flags.
func (l launch) command() string {
	words := []string{quote(l.program())}
	if l.key != "" {
		words = append(words, quote("-key="+l.keyThere()))
	}
	for _, f := range l.flags {
		words = append(words, quote(f))
	}
	line := strings.Join(words, " ")
	start := "nohup " + line
	if l.sudo {
		start = "sudo -n -b " + start
		if l.key != "" { // a key is for its owner alone
			start = "sudo -n chown root " + quote(l.keyThere()) + " && " + start
		}
	}
	return fmt.Sprintf("chmod 700 %s && %s -version >/dev/null && { %s </dev/null >%s 2>%s & }",
		quote(l.program()), line, start, quote(redirect(l.stdout)), quote(redirect(l.stderr)))
}

// redirect returns where output goes there.
func redirect(path string) string {
	if path == "" {
		return "/dev/null"
	}
	return path
}

// sshOptions have ssh and scp ask nobody, and end, also where a host falls
// silent. A host that is known by another key is refused: it would be given the
// mesh's.
func sshOptions() []string {
	var words []string
	for _, option := range []string{
		"BatchMode=yes", "StrictHostKeyChecking=accept-new", "ConnectTimeout=10",
		"ServerAliveInterval=5", "ServerAliveCountMax=3",
	} {
		words = append(words, "-o", option)
	}
	return words
}

// run runs a program for host. The error has what it printed.
func run(ctx context.Context, host, name string, args ...string) error {
	command := child.Command(ctx, name, args...)
	said := child.Kept{Most: maxOutput}
	command.Stdout, command.Stderr = &said, &said
	err := command.Run()
	if text := strings.TrimSpace(printed(&said)); err != nil && text != "" {
		return fmt.Errorf("%s: %w: %s", host, err, text)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", host, err)
	}
	return nil
}

// quote returns word as a shell reads it.
func quote(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
