package shell

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"minimega/mesh/wire"
	"minimega/shell/output"
	"minimega/transfer"
)

// methodWaits is the mesh call that tells what a command waits for that the
// caller has sent. Its body is the command's token, its answer a list of
// [waitRow]: none for a command that is not known, or waits for nothing.
const methodWaits = "waits"

const (
	askWaits   = time.Second           // how often nodes are asked what they wait for
	askWaitsBy = 10 * time.Millisecond // and so much more seldom for each of them
	waitsTake  = 2 * time.Second       // for their answers
	mostWaits  = 64                    // rows of one node
)

// waitRow is a [transfer.Progress] as it crosses the network. Counts are bytes.
type waitRow struct {
	Name  string        `cbor:"1,keyasint"`
	Done  int64         `cbor:"2,keyasint"`
	Total int64         `cbor:"3,keyasint"` // 0: not known
	Rate  float64       `cbor:"4,keyasint"` // a second
	Left  time.Duration `cbor:"5,keyasint"` // 0: not known
	Peers int           `cbor:"6,keyasint"`
	State string        `cbor:"7,keyasint"`
}

// waitKey names a command that a node has sent.
type waitKey struct {
	from  wire.NodeID
	token uint64 // of the command; 0: it has none
}

// waits is what commands of other nodes wait for here. It may be used
// concurrently.
type waits struct {
	mu   sync.Mutex
	last int                                            // number given
	rows map[waitKey]map[int]func() []transfer.Progress // by number
}

// watch returns a [Watch] of the command that key names.
func (w *waits) watch(key waitKey) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last++
		number := w.last
		if w.rows == nil {
			w.rows = map[waitKey]map[int]func() []transfer.Progress{}
		}
		if w.rows[key] == nil {
			w.rows[key] = map[int]func() []transfer.Progress{}
		}
		w.rows[key][number] = rows
		return func() { w.forget(key, number) }
	}
}

func (w *waits) forget(key waitKey, number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.rows[key], number)
	if len(w.rows[key]) == 0 {
		delete(w.rows, key)
	}
}

// of returns what the command that key names waits for now.
func (w *waits) of(key waitKey) []waitRow {
	w.mu.Lock()
	asked := slices.Collect(maps.Values(w.rows[key]))
	w.mu.Unlock()
	var all []waitRow
	for _, rows := range asked {
		for _, p := range rows() {
			all = append(all, waitRow{p.Name, p.BytesDone, p.BytesTotal, p.Rate, p.Left, p.Peers, p.State})
		}
	}
	slices.SortFunc(all, func(a, b waitRow) int { return cmp.Compare(a.Name, b.Name) })
	return all[:min(len(all), mostWaits)]
}

// serveWaits tells another node what a command of its waits for.
func (s *Shell) serveWaits(_ context.Context, from wire.Member, body []byte) ([]byte, error) {
	var token uint64
	if err := wire.Unmarshal(body, &token); err != nil {
		return nil, err
	}
	return wire.Marshal(s.waits.of(waitKey{from.ID, token}))
}

// sentWaits shows what nodes wait for that run a command for this one.
type sentWaits struct {
	shell    *Shell
	key      waitKey
	client   *Client
	condense func(hosts []string) string

	mu   sync.Mutex
	left []wire.NodeID // have not answered
	told map[wire.NodeName][]waitRow
}

// showWaits shows what the nodes wait for until stop is called, which must be
// before anything else is printed.
func (c *Call) showWaits(ctx context.Context, to []wire.NodeID) (w *sentWaits, stop func()) {
	w = &sentWaits{
		shell: c.shell, key: waitKey{c.shell.cfg.Mesh.Self().ID, c.run.token}, client: c.Client,
		condense: c.set.Condense, left: slices.Clone(to), told: map[wire.NodeName][]waitRow{},
	}
	if c.Client.watch == nil {
		return w, func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	var asking sync.WaitGroup
	each := askWaits + time.Duration(len(to))*askWaitsBy
	asking.Go(func() { w.run(ctx, each) })
	return w, func() {
		cancel()
		asking.Wait()
	}
}

// run asks the nodes each so often until ctx ends. Nothing is shown before one of
// them waits.
func (w *sentWaits) run(ctx context.Context, each time.Duration) {
	body, err := wire.Marshal(w.key.token)
	if err != nil {
		return
	}
	again := time.NewTicker(each)
	defer again.Stop()
	shown := false
	for {
		select {
		case <-again.C:
		case <-ctx.Done():
			return
		}
		w.ask(ctx, body)
		if !shown && len(w.rows()) > 0 {
			shown = true
			defer w.client.watch(w.rows)()
		}
	}
}

// ask asks those that have not answered, and this node.
func (w *sentWaits) ask(ctx context.Context, body []byte) {
	ctx, cancel := context.WithTimeout(ctx, waitsTake)
	defer cancel()
	w.mu.Lock()
	left := slices.Clone(w.left)
	w.mu.Unlock()
	own := w.shell.waits.of(w.key)
	w.mu.Lock()
	w.told[w.shell.cfg.Mesh.Self().Name] = own
	w.mu.Unlock()
	for reply := range w.shell.cfg.Mesh.Call(ctx, left, methodWaits, body) {
		var rows []waitRow
		if reply.Err != nil || wire.Unmarshal(reply.Body, &rows) != nil || len(rows) > mostWaits {
			continue
		}
		w.mu.Lock()
		if slices.Contains(w.left, reply.From.ID) {
			w.told[reply.From.Name] = rows
		}
		w.mu.Unlock()
	}
}

// answered says that a node waits no more.
func (w *sentWaits) answered(from wire.Member) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = slices.DeleteFunc(w.left, func(id wire.NodeID) bool { return id == from.ID })
	delete(w.told, from.Name)
}

// rows is what a [Watch] shows: one row for all nodes that wait for the same.
func (w *sentWaits) rows() []transfer.Progress {
	w.mu.Lock()
	defer w.mu.Unlock()
	sums, hosts := map[string]*transfer.Progress{}, map[string][]string{}
	for _, node := range slices.Sorted(maps.Keys(w.told)) {
		for _, r := range w.told[node] {
			name := output.EscapeLine(r.Name)
			if sums[name] == nil {
				sums[name] = &transfer.Progress{}
			}
			r.addTo(sums[name])
			hosts[name] = append(hosts[name], string(node))
		}
	}
	var all []transfer.Progress
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		p := *sums[name]
		p.Name = name + " on " + w.condense(slices.Compact(hosts[name]))
		all = append(all, p)
	}
	return all
}

// addTo adds r to what other nodes have of the same name.
func (r waitRow) addTo(p *transfer.Progress) {
	p.BytesDone += max(0, r.Done)
	p.BytesTotal += max(0, r.Total)
	p.Rate += max(0, r.Rate)
	p.Left = max(p.Left, r.Left)
	p.Peers = max(p.Peers, r.Peers)
	p.State = cmp.Or(p.State, output.EscapeLine(r.State))
}
