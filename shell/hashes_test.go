package shell

import (
	"context"
	"sync"
	"testing"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// fakeHashes know files once these were read.
type fakeHashes struct {
	mu   sync.Mutex
	read map[wire.FileName]bool
	came chan wire.FileName
}

func (h *fakeHashes) CachedVersion(name wire.FileName) (wire.Version, wire.Meta, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return wire.Version{0xab}, wire.Meta{}, h.read[name]
}

func (h *fakeHashes) Manifest(_ context.Context, name wire.FileName) (*store.Manifest, error) {
	h.mu.Lock()
	h.read[name] = true
	h.mu.Unlock()
	h.came <- name
	return nil, nil
}

func TestFileListTellsHashesOnceTheyAreKnown(t *testing.T) {
	n := newNode(t, "foo")
	hashes := &fakeHashes{read: map[wire.FileName]bool{}, came: make(chan wire.FileName)}
	n.hasher = newHasher(hashes)
	n.store.entries[""] = []store.Entry{file("a", 1), dir("d", 60)}
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, ".columns dir,name,hash file list"), "host  | dir   | name | hash\nfoo   |       | a    | \nfoo   | <dir> | d    |\n")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.RunHashes(ctx) }()
	if name := <-hashes.came; name != "a" {
		t.Error(name)
	}
	expect(t, n.run(t, c, "file list detail"), "host  | dir   | name | size | modified             | hash\n"+
		"foo   |       | a    | 1    | 1970-01-01T00:00:00Z | ab0000000000\nfoo   | <dir> | d    | 60   | 1970-01-01T00:00:00Z |\n")
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
