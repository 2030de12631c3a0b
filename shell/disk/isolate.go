package disk

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// isolated calls f on a thread with a mount name space of its own, so that what
// f and the programs that it starts mount is nobody else's: a name space that is
// made meanwhile (a container, ip netns exec) would take a copy, and keep the
// file system mounted after f has unmounted it. What f leaves mounted goes when
// the thread ends, also where this program is killed.
func isolated(f func() error) error {
	done := make(chan error, 1)
	go func() { // joined below
		runtime.LockOSThread()
		if unix.Gettid() == unix.Getpid() { // the main thread never ends; while it is locked another is taken
			defer runtime.UnlockOSThread()
			done <- isolated(f)
			return
		}
		if err := unshare(); err != nil {
			done <- err
			return
		}
		done <- f()
	}() // ends locked, and takes its thread along
	return <-done
}

// unshare gives this thread a mount name space that nothing gets out of.
func unshare() error {
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("mounting needs root: %w", err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("mounting needs root: %w", err)
	}
	return nil
}
