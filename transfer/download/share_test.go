package download

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"minimega/mesh/wire"
)

const sharedSize = 4<<20 + 1000

// A party is some nodes that get one download, which the first of them is at.
type party struct {
	site    *slowWeb
	nodes   []*peer
	fetches []*asking // by each of nodes
}

// share begins a download of data: all nodes have got its first held bytes.
func share(t *testing.T, data []byte, nodes int, held int64) *party {
	t.Helper()
	s := &party{site: newSlowWeb(t, `"one"`, data)}
	all := newEngines()
	for range nodes {
		s.nodes = append(s.nodes, all.add(t))
	}
	s.site.allow(int(held))
	for i, p := range s.nodes {
		a := p.ask(t, s.site.URL+"/dir/x")
		s.fetches = append(s.fetches, a)
		if i == 0 {
			until(t, "the first downloads", func() bool { return a.reached(held) })
		}
	}
	until(t, "all others have as much", func() bool {
		return !slices.ContainsFunc(s.fetches, func(a *asking) bool { return !a.reached(held) })
	})
	return s
}

// finish lets all come, and waits until those who are left have data.
func (s *party) finish(t *testing.T, data []byte, left ...*asking) {
	t.Helper()
	s.site.allow(sharedSize)
	for _, a := range left {
		a.wait(t, data)
	}
}

func TestThoseWhoWaitHaveChunksBeforeTheDownloadEnds(t *testing.T) {
	data := noise(1, sharedSize)
	s := share(t, data, 3, 1<<20)
	first := s.nodes[0]
	if rows := first.Running(); len(rows) != 1 || rows[0].Done != 1<<20 || rows[0].Total != sharedSize || rows[0].Dir == "" {
		t.Errorf("running: %+v", rows)
	}
	s.finish(t, data, s.fetches...)
	if len(s.site.requests()) != 1 || s.site.bytes() != sharedSize {
		t.Errorf("%d requests, %d bytes of %d", len(s.site.requests()), s.site.bytes(), sharedSize)
	}
	if _, _, known := first.cfg.Store.CachedVersion("dir/x"); !known {
		t.Error("the file has to be hashed again")
	}
}

func TestADownloaderThatDiesIsReplacedByOneThatKeepsWhatItHas(t *testing.T) {
	data := noise(2, sharedSize)
	s := share(t, data, 3, 2<<20)
	s.fetches[0].kill()
	s.finish(t, data, s.fetches[1:]...)
	if sent := s.site.bytes(); sent > sharedSize+1<<20 {
		t.Errorf("%d bytes of %d were sent", sent, sharedSize)
	}
	seen := s.site.requests()
	if last := seen[len(seen)-1].Header; !strings.HasPrefix(last.Get("Range"), "bytes=") || last.Get("If-Range") != `"one"` {
		t.Errorf("%d requests, the last %v", len(seen), last)
	}
}

func TestAUserWhoGivesUpADownloadLeavesItToThoseWhoWait(t *testing.T) {
	data := noise(3, sharedSize)
	s := share(t, data, 2, 2<<20)
	s.fetches[0].stop()
	<-s.fetches[0].done
	s.finish(t, data, s.fetches[1])
	if sent := s.site.bytes(); sent > sharedSize+1<<20 {
		t.Errorf("%d bytes of %d were sent", sent, sharedSize)
	}
}

func TestASourceThatChangedIsNeverMixedWithWhatItWas(t *testing.T) {
	for name, lose := range map[string]func(*peer, *slowWeb){
		"while the downloader dies":      func(p *peer, s *slowWeb) { p.die(); s.CloseClientConnections() },
		"while its connection is broken": func(_ *peer, s *slowWeb) { s.CloseClientConnections() },
	} {
		t.Run(name, func(t *testing.T) {
			old, new := noise(4, sharedSize), noise(4, sharedSize)
			copy(new[1<<19:], noise(5, 1<<18))        // in what was sent already
			copy(new[1<<20:], make([]byte, 1<<18))    // zeros take the place of bytes
			copy(new[3<<20:], noise(6, sharedSize/8)) // in what was not
			s := share(t, old, 3, 2<<20)
			s.site.become(`"two"`, new)
			lose(s.nodes[0], s.site) // before the rest of what it was is let go
			s.finish(t, new, s.fetches[1:]...)
		})
	}
}

func TestADownloadOfUnknownLengthIsFetchedAfterItsEnd(t *testing.T) {
	data := noise(7, 1<<20)
	w := newWaiting(1)
	web := newWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(data[:1<<19])
		_ = http.NewResponseController(rw).Flush()
		w.wait(t)
		_, _ = rw.Write(data[1<<19:])
	})
	all := newEngines()
	first, second := all.add(t), all.add(t)
	a := first.ask(t, web.URL+"/dir/x")
	until(t, "the first downloads", func() bool { return a.reached(1 << 19) })
	if err := second.fetch(t, web.URL+"/dir/x", func(_, _ int64, at wire.NodeName) { w.told(second.node, at) }); err != nil {
		t.Fatal(err)
	}
	a.wait(t, data)
	if second.cfg.Store.Holds("dir/x") || len(web.requests()) != 1 {
		t.Errorf("%d requests", len(web.requests()))
	}
	entries, err := os.ReadDir(filepath.Join(second.base, "files"))
	if err != nil || len(entries) > 1 { // .minimega
		t.Errorf("%v, %v", entries, err)
	}
}

// downloads reports whether a peer is at a download of its own.
func (p *peer) downloads() bool { return len(p.Running()) > 0 }

func TestOneDownloaderAfterTheOtherDiesAndTheSourceChangesBetween(t *testing.T) {
	old, next := noise(8, sharedSize), noise(8, sharedSize)
	copy(next[1<<19:], noise(9, 1<<18))
	s := share(t, old, 3, 2<<20)
	s.site.become(`"two"`, next)
	s.fetches[0].kill()
	dies, lives := s.fetches[1], s.fetches[2]
	until(t, "another downloads", func() bool { return dies.p.downloads() || lives.p.downloads() })
	if lives.p.downloads() {
		dies, lives = lives, dies
	}
	dies.kill()
	s.finish(t, next, lives)
}
