package download

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
)

// fetchAll lets all nodes fetch url and returns their errors, by node.
func fetchAll(t *testing.T, nodes []*node, url string, told func(n *node, at wire.NodeName)) []error {
	t.Helper()
	errs := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() {
			errs[i] = n.Fetch(t.Context(), url, func(_, _ int64, at wire.NodeName) { told(n, at) })
		})
	}
	all.Wait()
	return errs
}

// waiting closes all when a number of nodes have been told that another one
// downloads.
type waiting struct {
	mu   sync.Mutex
	seen map[*node]bool
	want int
	all  chan struct{}
}

func newWaiting(want int) *waiting {
	return &waiting{seen: map[*node]bool{}, want: want, all: make(chan struct{})}
}

func (w *waiting) told(n *node, at wire.NodeName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at == "" || w.seen[n] {
		return
	}
	if w.seen[n] = true; len(w.seen) == w.want {
		close(w.all)
	}
}

// wait returns when all is closed; it is for servers.
func (w *waiting) wait(t *testing.T) {
	select {
	case <-w.all:
	case <-time.After(limit):
		t.Error("not all nodes wait")
	}
}

func TestOneNodeOfManyDownloads(t *testing.T) {
	const many = 12
	w := newWaiting(many - 1)
	web := newWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		w.wait(t)
		serveContent(rw, r, "", content)
	})
	fab := new(fabric)
	var nodes []*node
	for range many {
		nodes = append(nodes, fab.add(t, ""))
		nodes[len(nodes)-1].client = newClient(Allow{}, nil, defaultTimeouts())
	}
	for i, err := range fetchAll(t, nodes, web.URL+"/dir/x", w.told) {
		if err != nil {
			t.Errorf("%s: %v", nodes[i].self.Name, err)
		}
	}
	holders := 0
	for _, n := range nodes {
		if n.cfg.Store.Holds("dir/x") {
			holders++
		}
	}
	if len(web.requests()) != 1 || holders != 1 {
		t.Errorf("%d requests, %d holders", len(web.requests()), holders)
	}
}

func TestADownloaderThatIsLostIsReplaced(t *testing.T) {
	fab := new(fabric)
	first, second := fab.add(t, ""), fab.add(t, "")
	for _, n := range fab.nodes {
		n.client = newClient(Allow{}, nil, defaultTimeouts())
	}
	w := newWaiting(1)
	begun := make(chan struct{})
	var once sync.Once
	web := newWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		firstTime := false
		once.Do(func() { firstTime = true; close(begun) })
		if !firstTime {
			serveContent(rw, r, "", content)
			return
		}
		w.wait(t)
		first.cut()
		<-r.Context().Done() // it stalls
	})
	var all sync.WaitGroup
	all.Go(func() { _ = first.Fetch(t.Context(), web.URL+"/x", untold) })
	<-begun
	err := second.fetch(t, web.URL+"/x", func(_, _ int64, at wire.NodeName) { w.told(second, at) })
	web.CloseClientConnections()
	all.Wait()
	if err != nil {
		t.Fatal(err)
	}
	second.has(t, "x", content)
}

func TestThoseWhoWaitAreToldWhyItFailed(t *testing.T) {
	w := newWaiting(3)
	web := newWeb(t, func(rw http.ResponseWriter, _ *http.Request) {
		w.wait(t)
		rw.WriteHeader(http.StatusNotFound)
	})
	fab := new(fabric)
	nodes := []*node{fab.add(t, ""), fab.add(t, ""), fab.add(t, ""), fab.add(t, "")}
	for _, n := range nodes {
		n.client = newClient(Allow{}, nil, defaultTimeouts())
	}
	others := 0
	for i, err := range fetchAll(t, nodes, web.URL+"/x", w.told) {
		if err == nil || !strings.HasSuffix(err.Error(), ": 404 Not Found") {
			t.Errorf("%s: %v", nodes[i].self.Name, err)
		}
		if err != nil && strings.Contains(err.Error(), "/x: kn") {
			others++
		}
	}
	if len(web.requests()) != 1 || others != 3 {
		t.Errorf("%d requests, %d told by another", len(web.requests()), others)
	}
}

func TestAFileOfTheMeshIsNotDownloaded(t *testing.T) {
	web := newWeb(t, func(rw http.ResponseWriter, r *http.Request) { serveContent(rw, r, "", content) })
	fab := new(fabric)
	holder, asker := fab.add(t, ""), fab.add(t, "")
	if err := holder.fetch(t, web.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	if err := asker.fetch(t, "http://elsewhere.invalid/x"); err != nil || len(web.requests()) != 1 {
		t.Errorf("%d requests, %v", len(web.requests()), err)
	}
}

func TestTwoSessionsOfANodeDownloadOnce(t *testing.T) {
	n := new(fabric).add(t, "")
	n.client = newClient(Allow{}, nil, defaultTimeouts())
	release := make(chan struct{})
	var once sync.Once
	web := newWeb(t, func(rw http.ResponseWriter, r *http.Request) {
		<-release
		serveContent(rw, r, "", content)
	})
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		all.Go(func() {
			errs[i] = n.Fetch(t.Context(), web.URL+"/x", func(int64, int64, wire.NodeName) { once.Do(func() { close(release) }) })
		})
	}
	all.Wait()
	if fmt.Sprint(errs) != "[<nil> <nil> <nil>]" || len(web.requests()) != 1 {
		t.Errorf("%v, %d requests", errs, len(web.requests()))
	}
}

func TestOfTwoNodesThatAskAtOnceTheLowerGoesFirst(t *testing.T) {
	low, high := wire.Member{ID: wire.NodeID{1}}, wire.Member{ID: wire.NodeID{2}}
	u, err := ParseURL("http://h/x")
	if err != nil {
		t.Fatal(err)
	}
	ask := wire.DownloadAsk{Name: u.Name}
	atLow := &claims{own: map[wire.FileName]*claim{}, failed: map[wire.FileName]failure{}}
	atHigh := &claims{own: map[wire.FileName]*claim{}, failed: map[wire.FileName]failure{}}
	byLow, _ := atLow.begin(u)
	byHigh, _ := atHigh.begin(u)
	if a := atLow.answer(low, high, ask); a.State != wire.DownloadBusy {
		t.Errorf("the lower said %v", a)
	}
	if a := atHigh.answer(high, low, ask); a.State != wire.DownloadFree {
		t.Errorf("the higher said %v", a)
	}
	if first, ok := atHigh.confirm(byHigh); ok || first != low {
		t.Errorf("the higher goes on: %v", first)
	}
	if _, ok := atLow.confirm(byLow); !ok {
		t.Error("the lower does not go on")
	}
	if a := atLow.answer(low, wire.Member{}, ask); a.State != wire.DownloadBusy {
		t.Errorf("of what has begun: %v", a)
	}
}
