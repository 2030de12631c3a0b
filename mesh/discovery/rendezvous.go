package discovery

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"minimega/mesh/wire"
)

// When the rendezvous directory is read and written.
const (
	pollFirst   = 500 * time.Millisecond
	pollLater   = 2 * time.Second
	pollQuickly = 10 * time.Second // how long pollFirst holds
	refresh     = 30 * time.Second // between writes of our own file
	staleAfter  = 2 * time.Minute  // without a write: not told any more
	removeAfter = 24 * time.Hour   // without a write: removed, whosever it was
	toldAgain   = 10 * time.Second // the same entry to the same node
	maxNodes    = 1024             // directory entries looked at
)

// DefaultRendezvousDir returns the directory in which this user's nodes on this
// host find each other: /run/minimega/nodes for root, otherwise
// $XDG_RUNTIME_DIR/minimega or, without that, ~/.cache/minimega/run. It makes
// nothing.
func DefaultRendezvousDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/run/minimega/nodes", nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "minimega"), nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("rendezvous directory: %w", err)
	}
	return filepath.Join(dir, "minimega", "run"), nil
}

// DirError says why a rendezvous directory is not used.
type DirError struct {
	Path string
	Why  string // what must be, and what to do
}

func (e *DirError) Error() string { return fmt.Sprintf("rendezvous directory %s: %s", e.Path, e.Why) }

// rendezvous is the source that knows this user's nodes on this host.
type rendezvous struct {
	dir     string
	self    Announcement
	log     *limitedLog
	at      place                     // of this process
	written time.Time                 // when our own file was written last
	told    map[wire.NodeID]time.Time // when an entry that is there was told last
	read    map[string]readFile       // what stood in the files last time
	warned  string                    // the last warning, not to be repeated
}

func newRendezvous(dir string, self Announcement, log *limitedLog) *rendezvous {
	return &rendezvous{dir: dir, self: self, log: log, told: make(map[wire.NodeID]time.Time)}
}

// run keeps our file in the directory until ctx ends, and tells the others.
func (r *rendezvous) run(ctx context.Context, out outlet) {
	defer r.withdraw()
	began := time.Now()
	for asked := false; ctx.Err() == nil; {
		r.poll(ctx, out)
		if !asked {
			asked = true
			out.firstRoundDone(ctx)
		}
		if time.Since(began) < pollQuickly {
			pause(ctx, pollFirst)
		} else {
			pause(ctx, pollLater)
		}
	}
}

// poll writes our file if that is due and tells what stands in the others. The
// file comes first: of two nodes that start together one sees the other.
func (r *rendezvous) poll(ctx context.Context, out outlet) {
	root, err := openOwnDir(r.dir)
	if err != nil {
		r.warn(err)
		return
	}
	defer root.Close()
	if err := r.announce(root); err != nil {
		r.warn(err)
	}
	present := make(map[wire.NodeID]time.Time)
	for _, n := range r.others(root) {
		h := n.hint()
		present[h.ID] = r.told[h.ID]
		if time.Since(present[h.ID]) >= toldAgain {
			present[h.ID] = time.Now()
			out.report(ctx, h)
		}
	}
	r.told = present
}

func (r *rendezvous) warn(err error) {
	if r.warned != err.Error() {
		r.warned = err.Error()
		r.log.warn("nodes on this host may not find each other", "err", err)
	}
}

// openOwnDir opens the directory at path, which it makes if there is none. One
// that others could write or read is a *[DirError].
func openOwnDir(path string) (*os.Root, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	if why := distrust(info); why != "" {
		return nil, errors.Join(&DirError{path, why}, root.Close())
	}
	return root, nil
}

// distrust returns what is wrong with a rendezvous directory; "" is nothing.
func distrust(info fs.FileInfo) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	switch uid := os.Geteuid(); {
	case !ok || int(st.Uid) != uid:
		return fmt.Sprintf("must belong to user %d, but does not: remove it or have its owner remove it", uid)
	case info.Mode().Perm()&0o077 != 0:
		return fmt.Sprintf("must be closed to others, but has mode %#o: chmod 700 it", info.Mode().Perm())
	}
	return ""
}

// announce writes our own file unless it is there and fresh.
func (r *rendezvous) announce(root *os.Root) error {
	name := r.fileName()
	if _, err := root.Lstat(name); err == nil && time.Since(r.written) < refresh {
		return nil
	}
	at, err := here()
	if err != nil {
		return err
	}
	r.at = at
	b, err := json.Marshal(nodeFile{
		ID: r.self.ID.String(), Name: string(r.self.Name), Tag: r.self.Tag,
		Port: uint16(r.self.Port), Pid: os.Getpid(), place: at,
	})
	if err != nil {
		return err
	}
	if err := root.WriteFile(name+tempSuffix, append(b, '\n'), 0o600); err != nil {
		return err
	}
	if err := root.Rename(name+tempSuffix, name); err != nil {
		return err
	}
	r.written = time.Now()
	return nil
}

func (r *rendezvous) fileName() string { return r.self.ID.String() + fileSuffix }

// others returns the nodes of this mesh in this network namespace that seem to
// run, and removes the files of those that do not.
func (r *rendezvous) others(root *os.Root) []nodeFile {
	var nodes []nodeFile
	read := make(map[string]readFile)
	for _, name := range nodeFiles(root) {
		info, err := root.Lstat(name)
		if err != nil || name == r.fileName() {
			continue
		}
		f, ok := r.read[name]
		if !ok || !f.is(info) {
			n, err := readNodeFile(root, name)
			f = readFile{info, n, err}
		}
		read[name] = f
		n, age := f.node, time.Since(info.ModTime())
		if age > removeAfter || f.err == nil && n.gone(r.at) {
			root.Remove(name) // another node may have been quicker
			continue
		}
		reachable := n.Boot == r.at.Boot && n.NetNS == r.at.NetNS
		if f.err == nil && reachable && n.Tag == r.self.Tag && age < staleAfter {
			nodes = append(nodes, n)
		}
	}
	r.read = read
	return nodes
}

// A readFile is a rendezvous file as it was when it was read.
type readFile struct {
	info fs.FileInfo // before
	node nodeFile
	err  error // why it holds no node
}

// is reports whether the file is still that: nodes replace theirs.
func (f readFile) is(info fs.FileInfo) bool {
	return os.SameFile(f.info, info) && f.info.ModTime().Equal(info.ModTime()) && f.info.Size() == info.Size()
}

// nodeFiles returns the names of at most maxNodes rendezvous files.
func nodeFiles(root *os.Root) []string {
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	defer dir.Close()
	all, _ := dir.Readdirnames(maxNodes) // what was read before an error counts
	var names []string
	for _, name := range all {
		if isNodeFile(name) {
			names = append(names, name)
		}
	}
	return names
}

func readNodeFile(root *os.Root, name string) (nodeFile, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nodeFile{}, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxNodeFile))
	if err != nil {
		return nodeFile{}, err
	}
	return parseNodeFile(name, b)
}

// withdraw removes our own file.
func (r *rendezvous) withdraw() {
	if r.written.IsZero() {
		return
	}
	err := os.Remove(filepath.Join(r.dir, r.fileName()))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.warn(err)
	}
}
