package download

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"minimega/mesh/wire"
)

const sharedSize = 4<<20 + 1000

func TestThoseWhoWaitHaveChunksBeforeTheDownloadEnds(t *testing.T) {
	data := noise(1, sharedSize)
	site := newSlowWeb(t, `"one"`, data)
	all := newEngines()
	first, second, third := all.add(t), all.add(t), all.add(t)
	site.allow(1 << 20)
	url := site.URL + "/dir/x"
	a := first.ask(t, url)
	until(t, "the first downloads", func() bool { return a.reached(1 << 20) })
	b, c := second.ask(t, url), third.ask(t, url)
	until(t, "both have a mebibyte", func() bool { return b.reached(1<<20) && c.reached(1<<20) })
	if rows := first.Running(); len(rows) != 1 || rows[0].Done != 1<<20 || rows[0].Total != sharedSize || rows[0].Dir == "" {
		t.Errorf("running: %+v", rows)
	}
	site.allow(sharedSize)
	for _, x := range []*asking{a, b, c} {
		x.wait(t, data)
	}
	if len(site.requests()) != 1 || site.bytes() != sharedSize {
		t.Errorf("%d requests, %d bytes of %d", len(site.requests()), site.bytes(), sharedSize)
	}
	if _, _, known := first.cfg.Store.CachedVersion("dir/x"); !known {
		t.Error("the file has to be hashed again")
	}
}

func TestADownloaderThatDiesIsReplacedByOneThatKeepsWhatItHas(t *testing.T) {
	data := noise(2, sharedSize)
	site := newSlowWeb(t, `"one"`, data)
	all := newEngines()
	first, second, third := all.add(t), all.add(t), all.add(t)
	site.allow(2 << 20)
	url := site.URL + "/dir/x"
	a := first.ask(t, url)
	until(t, "the first downloads", func() bool { return a.reached(2 << 20) })
	b, c := second.ask(t, url), third.ask(t, url)
	until(t, "both have two mebibytes", func() bool { return b.reached(2<<20) && c.reached(2<<20) })
	first.die()
	a.stop()
	<-a.done
	site.allow(sharedSize)
	b.wait(t, data)
	c.wait(t, data)
	if sent := site.bytes(); sent > sharedSize+1<<20 {
		t.Errorf("%d bytes of %d were sent", sent, sharedSize)
	}
	seen := site.requests()
	if last := seen[len(seen)-1].Header; !strings.HasPrefix(last.Get("Range"), "bytes=") || last.Get("If-Range") != `"one"` {
		t.Errorf("%d requests, the last %v", len(seen), last)
	}
}

func TestAUserWhoGivesUpADownloadLeavesItToThoseWhoWait(t *testing.T) {
	data := noise(3, sharedSize)
	site := newSlowWeb(t, `"one"`, data)
	all := newEngines()
	first, second := all.add(t), all.add(t)
	site.allow(2 << 20)
	url := site.URL + "/dir/x"
	a := first.ask(t, url)
	until(t, "the first downloads", func() bool { return a.reached(2 << 20) })
	b := second.ask(t, url)
	until(t, "the second has two mebibytes", func() bool { return b.reached(2 << 20) })
	a.stop()
	<-a.done
	site.allow(sharedSize)
	b.wait(t, data)
	if sent := site.bytes(); sent > sharedSize+1<<20 {
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
			site := newSlowWeb(t, `"one"`, old)
			all := newEngines()
			first, second, third := all.add(t), all.add(t), all.add(t)
			site.allow(2 << 20)
			url := site.URL + "/dir/x"
			a := first.ask(t, url)
			until(t, "the first downloads", func() bool { return a.reached(2 << 20) })
			b, c := second.ask(t, url), third.ask(t, url)
			until(t, "both have two mebibytes", func() bool { return b.reached(2<<20) && c.reached(2<<20) })
			site.become(`"two"`, new)
			site.allow(sharedSize)
			lose(first, site)
			b.wait(t, new)
			c.wait(t, new)
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
	site := newSlowWeb(t, `"one"`, old)
	all := newEngines()
	first, second, third := all.add(t), all.add(t), all.add(t)
	site.allow(2 << 20)
	url := site.URL + "/dir/x"
	a := first.ask(t, url)
	until(t, "the first downloads", func() bool { return a.reached(2 << 20) })
	b, c := second.ask(t, url), third.ask(t, url)
	until(t, "both have two mebibytes", func() bool { return b.reached(2<<20) && c.reached(2<<20) })
	site.become(`"two"`, next)
	first.die()
	a.stop()
	<-a.done
	until(t, "another downloads", func() bool { return second.downloads() || third.downloads() })
	dies, lives := b, c
	if third.downloads() {
		dies, lives = c, b
	}
	dies.p.die()
	dies.stop()
	<-dies.done
	site.allow(sharedSize)
	lives.wait(t, next)
}
