package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// chunkFiles runs test on a file of 300,000 bytes on a disk and on one in
// memory, where this machine has both.
func chunkFiles(t *testing.T, test func(t *testing.T, c *chunkFile, content []byte)) {
	for name, parent := range map[string]string{"disk": "", "memory": "/dev/shm"} {
		t.Run(name, func(t *testing.T) {
			dir, err := os.MkdirTemp(parent, "chunkfile")
			if err != nil {
				t.Skip(err)
			}
			t.Cleanup(func() { os.RemoveAll(dir) })
			f, err := os.Create(filepath.Join(dir, "f"))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { f.Close() })
			content := make([]byte, 300_000)
			rand.Read(content)
			c := chunksOf(f, int64(len(content)))
			if name == "memory" && !c.memory {
				t.Skip("/dev/shm is not in memory here")
			}
			if n, err := c.WriteAt(content, 0); n != len(content) || err != nil {
				t.Fatalf("wrote %d of %d bytes: %v", n, len(content), err)
			}
			test(t, c, content)
		})
	}
}

func TestChunkFileReadsAndFailsAsAFileDoes(t *testing.T) {
	chunkFiles(t, func(t *testing.T, c *chunkFile, content []byte) {
		for _, at := range []struct{ off, size int64 }{{0, 300_000}, {65_536, 65_536}, {299_999, 1}, {299_990, 20}, {300_000, 1}, {400_000, 1}, {-1, 1}, {7, 0}} {
			got, want := make([]byte, at.size), make([]byte, at.size)
			n, err := c.ReadAt(got, at.off)
			m, fileErr := c.File.ReadAt(want, at.off)
			if n != m || !bytes.Equal(got, want) || (err == nil) != (fileErr == nil) || (err == io.EOF) != (fileErr == io.EOF) {
				t.Errorf("%d bytes at %d: %d, %v; the file gives %d, %v", at.size, at.off, n, err, m, fileErr)
			}
			if err == nil && !bytes.Equal(got, content[at.off:at.off+at.size]) {
				t.Errorf("%d bytes at %d are not what was written", at.size, at.off)
			}
		}
		if n, err := c.WriteAt([]byte("x"), -1); n != 0 || err == nil {
			t.Errorf("wrote %d bytes before the file: %v", n, err)
		}
		c.Close()
		if n, err := c.ReadAt(make([]byte, 10), 0); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("read %d bytes of a closed file: %v", n, err)
		}
		if n, err := c.WriteAt(make([]byte, 10), 0); n != 0 || !errors.Is(err, os.ErrClosed) {
			t.Errorf("wrote %d bytes to a closed file: %v", n, err)
		}
	})
}

func TestChunkFileGetsAtOnceWhatNeedsNoDisk(t *testing.T) {
	chunkFiles(t, func(t *testing.T, c *chunkFile, content []byte) {
		flags := uintptr(unix.RWF_NOWAIT)
		if c.memory {
			flags = 0
		}
		got := make([]byte, len(content))
		n, errno := c.now(unix.SYS_PREADV2, got, 0, flags)
		if errno == unix.EOPNOTSUPP {
			t.Skip("this file system cannot say what would wait")
		}
		if n != len(content) || errno != 0 || !bytes.Equal(got, content) {
			t.Errorf("got %d of %d bytes that have just been written: %v", n, len(content), errno)
		}
		if n, errno := c.now(unix.SYS_PREADV2, got, 299_990, flags); n != 10 || errno != 0 {
			t.Errorf("got %d of the last 10 bytes: %v", n, errno)
		}
	})
}

func TestChunkFileTellsThatTheDiskIsFull(t *testing.T) {
	f, err := os.Create(filepath.Join(small(t, "256k"), "f"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	c := chunksOf(f, 1<<20)
	if n, err := c.WriteAt(make([]byte, 1<<20), 0); n >= 1<<20 || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("wrote %d bytes where 256 KiB are free: %v", n, err)
	}
	if n, err := c.WriteAt(make([]byte, 4096), 0); n != 4096 || err != nil {
		t.Errorf("wrote %d bytes again where they were: %v", n, err)
	}
}
