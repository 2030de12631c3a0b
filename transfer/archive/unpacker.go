package archive

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Config is what an [Unpacker] is made of.
type Config struct {
	Dir      string                 // the files directory, absolute
	Reserved func(name string) bool // whether a path below it is not the user's
	Log      *slog.Logger
}

// An Unpacker finds or makes the directories that archives stand for. All of
// its methods may be called concurrently; Run is called once.
type Unpacker struct {
	cfg  Config
	root *os.Root // of the files directory
	wake chan struct{}

	mu      sync.Mutex
	flights map[string]*flight // path of an archive → its unpacking that somebody waits for
	waiting []*flight          // which Run has not started
}

// flight is one unpacking, for all who wait for it.
type flight struct {
	path    string
	ctx     context.Context // ends when nobody waits any more
	cancel  context.CancelFunc
	waiters int // guarded by Unpacker.mu

	begun chan struct{} // closed when it turns out to take long
	ended chan struct{} // closed when result and err are final
	result
	err         error
	done, total atomic.Int64 // bytes of the archive
}

// New returns an Unpacker for a files directory that exists.
func New(cfg Config) (*Unpacker, error) {
	root, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("files directory: %w", err)
	}
	return &Unpacker{cfg: cfg, root: root, wake: make(chan struct{}, 1), flights: map[string]*flight{}}, nil
}

// Run removes what an earlier process left half done, and unpacks what is asked
// for until ctx ends; then it ends what is under way, and returns when that has
// left nothing behind.
func (u *Unpacker) Run(ctx context.Context) error {
	var flying sync.WaitGroup
	defer u.root.Close() // nothing is written through it
	defer flying.Wait()
	if err := u.sweep(); err != nil {
		u.cfg.Log.Warn("archives half unpacked are left", "err", err)
	}
	for {
		select {
		case <-u.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		for _, f := range u.take() {
			flying.Go(func() { u.fly(ctx, f) })
		}
	}
}

// take returns what is to be started.
func (u *Unpacker) take() []*flight {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := u.waiting
	u.waiting = nil
	return all
}

// fly unpacks f's archive and ends f.
func (u *Unpacker) fly(ctx context.Context, f *flight) {
	defer context.AfterFunc(ctx, f.cancel)()
	begin := sync.OnceFunc(func() { close(f.begun) })
	f.result, f.err = u.do(f.ctx, f.path, func(size int64) {
		f.total.Store(size)
		begin()
	}, func(n int64) { f.done.Add(n) })
	u.mu.Lock()
	if u.flights[f.path] == f {
		delete(u.flights, f.path)
	}
	u.mu.Unlock()
	close(f.ended)
}

// Unpack returns the absolute path of the directory that the archive at file,
// an absolute path, stands for, and a warning where that directory is not what
// the archive holds. It blocks until it is there or ctx ends; when nobody waits
// for it any more, the unpacking ends and leaves nothing. Where it takes long,
// watch is called, unless it is nil, with what tells how many bytes of the
// archive were read, and what it returns when that is over. Errors wrap one of
// this package's, or are ctx's or the system's.
func (u *Unpacker) Unpack(ctx context.Context, file string, watch func(progress func() (done, total int64)) (stop func())) (dir, warning string, err error) {
	f := u.join(filepath.Clean(file))
	defer u.leave(f)
	select {
	case <-f.ended:
		return f.dir, f.warning, f.err
	case <-f.begun:
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
	if watch != nil {
		defer watch(func() (int64, int64) { return f.done.Load(), f.total.Load() })()
	}
	select {
	case <-f.ended:
		return f.dir, f.warning, f.err
	case <-ctx.Done():
		return "", "", context.Cause(ctx)
	}
}

// join returns the flight for an archive, which it asks for if there is none.
func (u *Unpacker) join(path string) *flight {
	u.mu.Lock()
	defer u.mu.Unlock()
	f := u.flights[path]
	if f == nil {
		f = &flight{path: path, begun: make(chan struct{}), ended: make(chan struct{})}
		f.ctx, f.cancel = context.WithCancel(context.Background())
		u.flights[path] = f
		u.waiting = append(u.waiting, f)
		select {
		case u.wake <- struct{}{}:
		default: // Run has not looked since it was told
		}
	}
	f.waiters++
	return f
}

// leave gives up one share in f, and ends it with the last.
func (u *Unpacker) leave(f *flight) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if f.waiters--; f.waiters > 0 {
		return
	}
	f.cancel()
	if u.flights[f.path] == f {
		delete(u.flights, f.path)
	}
}

// sweep removes what a process that was killed left, and what is kept about
// archives of which nothing is left.
func (u *Unpacker) sweep() error {
	nodes, err := fs.ReadDir(u.root.FS(), ownDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	errs := []error{err}
	for _, node := range nodes {
		errs = append(errs, u.sweepOne(path.Join(ownDir, node.Name())))
	}
	return errors.Join(errs...)
}

// sweepOne sweeps what is kept about one archive, unless somebody is at it.
func (u *Unpacker) sweepOne(name string) error {
	own, err := u.root.OpenRoot(name)
	if err != nil {
		return err
	}
	defer own.Close() // only read
	lock, err := own.Open(".")
	if err != nil {
		return err
	}
	defer lock.Close() // only locked
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) == unix.EWOULDBLOCK {
		return nil
	}
	rec := readRecord(own)
	err = remove(own, newDir)
	if rec.Path != "" && keyOf(rec.Path) == path.Base(name) {
		err = errors.Join(err, removeBeside(filepath.Dir(rec.Path), besideStart+path.Base(name)))
	}
	if rec.Path == "" || gone(rec.Path) && gone(filepath.Join(filepath.Dir(rec.Path), rec.Top)) {
		return errors.Join(err, u.root.RemoveAll(name))
	}
	return err
}

// removeBeside removes the working directory name in dir, where there is one.
func removeBeside(dir, name string) error {
	root, err := os.OpenRoot(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer root.Close() // only emptied
	if _, err := root.Lstat(name); err != nil {
		return nil
	}
	return remove(root, name)
}

// gone reports that there is nothing at file.
func gone(file string) bool {
	_, err := os.Lstat(file)
	return errors.Is(err, fs.ErrNotExist)
}
