package download

import (
	"context"
	"fmt"
	"time"

	"minimega/mesh/wire"
)

const (
	askWithin  = 5 * time.Second  // all answers
	tellEvery  = time.Second      // a node that waits is told how far it is
	waitWithin = 10 * time.Second // an answer to a node that waits
)

// Methods returns the calls that the downloader answers, by name.
func (d *Downloader) Methods() map[string]wire.Handler {
	return map[string]wire.Handler{wire.MethodDownload: d.serve}
}

// serve answers wire.MethodDownload.
func (d *Downloader) serve(ctx context.Context, from wire.Member, body []byte) ([]byte, error) {
	var ask wire.DownloadAsk
	if err := wire.Unmarshal(body, &ask); err != nil {
		return nil, err
	}
	name, err := wire.ParseFileName(string(ask.Name))
	if err != nil {
		return nil, err
	}
	ask.Name = name
	if mine := d.claims.get(name); mine != nil && ask.Wait {
		within, cancel := context.WithTimeout(ctx, tellEvery)
		defer cancel()
		select {
		case <-mine.done:
		case <-mine.offered(ask.Draft):
		case <-within.Done():
		}
	}
	if d.cfg.Store.Holds(name) {
		return wire.Marshal(wire.DownloadAnswer{State: wire.DownloadHeld})
	}
	return wire.Marshal(d.claims.answer(d.cfg.Mesh.Self(), from, ask))
}

// said is what one node answered.
type said struct {
	node wire.Member
	wire.DownloadAnswer
}

// ask asks all other nodes about u, and returns one that has the file, else one
// that downloads it, else false.
func (d *Downloader) ask(ctx context.Context, u URL) (said, bool) {
	var to []wire.NodeID
	for _, m := range d.cfg.Mesh.Members() {
		to = append(to, m.ID)
	}
	body, err := wire.Marshal(wire.DownloadAsk{Name: u.Name, Source: u.source()})
	if err != nil || len(to) == 0 {
		return said{}, false
	}
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var busy said
	for reply := range d.cfg.Mesh.Call(ctx, to, wire.MethodDownload, body) {
		switch a, err := readAnswer(reply); {
		case err != nil: // as if it were free
		case a.State == wire.DownloadHeld:
			return a, true
		case a.State == wire.DownloadBusy:
			busy = a
		}
	}
	return busy, busy.State == wire.DownloadBusy
}

func readAnswer(reply wire.Reply) (said, error) {
	s := said{node: reply.From}
	if reply.Err != nil {
		return s, reply.Err
	}
	return s, wire.Unmarshal(reply.Body, &s.DownloadAnswer)
}

// await waits for what node does about w's URL, and takes part in it. It reports
// whether the node has the file; if not, and there is no error, anybody may begin.
func (d *Downloader) await(ctx context.Context, node wire.Member, w *follower, told Told) (held bool, err error) {
	for {
		s, err := d.askOne(ctx, node, wire.DownloadAsk{Name: w.u.Name, Source: w.u.source(), Wait: true, Draft: w.draft})
		switch {
		case ctx.Err() != nil:
			return false, ctx.Err()
		case err != nil: // it cannot be reached any more, say
			return false, nil
		case s.State == wire.DownloadHeld:
			return w.last(ctx, node, told), nil
		case s.State == wire.DownloadFailed:
			return false, fmt.Errorf("%s: %s", node.Name, s.Error)
		case s.State != wire.DownloadBusy:
			return false, nil
		}
		w.hear(ctx, s.DownloadAnswer)
		done, total := w.far(s.DownloadAnswer)
		told(done, total, node.Name)
	}
}

func (d *Downloader) askOne(ctx context.Context, node wire.Member, ask wire.DownloadAsk) (s said, err error) {
	body, err := wire.Marshal(ask)
	if err != nil {
		return s, err
	}
	ctx, cancel := context.WithTimeout(ctx, waitWithin)
	defer cancel()
	err = wire.ErrUnreachable
	for reply := range d.cfg.Mesh.Call(ctx, []wire.NodeID{node.ID}, wire.MethodDownload, body) {
		s, err = readAnswer(reply)
	}
	return s, err
}
