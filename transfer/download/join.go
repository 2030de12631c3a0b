package download

import (
	"context"
	"errors"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// A follower waits for what other nodes download, for one Fetch. It is for one
// goroutine.
type follower struct {
	d      *Downloader
	u      URL
	joined Joined       // nil: it takes no part
	draft  wire.Version // that the last one offered
	stamp  store.Stamp  // of that; no Tag: not known
}

// hear takes what the node that downloads has said, and takes part where it can.
func (w *follower) hear(ctx context.Context, a wire.DownloadAnswer) {
	if a.State != wire.DownloadBusy || a.Draft.IsZero() || w.d.cfg.Swarm == nil {
		return
	}
	w.draft = a.Draft
	w.stamp = store.Stamp{Size: a.Total, Tag: a.Tag, Modified: a.Modified}
	if w.over() {
		w.leave()
	}
	if w.joined != nil {
		return
	}
	joined, err := w.d.cfg.Swarm.Join(ctx, w.u.Name)
	if err != nil { // it ended, say, which the next answer tells
		w.d.cfg.Log.Debug("cannot take part in a download", "file", w.u.Name, "err", err)
		return
	}
	w.joined = joined
}

// over reports whether what was joined has ended.
func (w *follower) over() bool {
	if w.joined == nil {
		return false
	}
	select {
	case <-w.joined.Done():
		return true
	default:
		return false
	}
}

// far returns how far it is here, or else at the node that said a.
func (w *follower) far(a wire.DownloadAnswer) (done, total int64) {
	if w.joined == nil {
		return a.Done, a.Total
	}
	return w.joined.Far()
}

// last waits until all is here that is on its way from a node that has the file.
// It reports whether that node was there as long as it was needed.
func (w *follower) last(ctx context.Context, node wire.Member, told Told) bool {
	if w.joined == nil {
		return true
	}
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-w.joined.Done():
			return true
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
		if s, err := w.d.askOne(ctx, node, wire.DownloadAsk{Name: w.u.Name}); err != nil || s.State != wire.DownloadHeld {
			return false
		}
		done, total := w.joined.Far()
		told(done, total, node.Name)
	}
}

// leave ends the part taken.
func (w *follower) leave() {
	if w.joined != nil {
		w.joined.Leave()
		w.joined = nil
	}
}

// takeOver returns the download to go on with: of what came so far from a node
// that downloaded it, or else of what an earlier process left.
func (w *follower) takeOver() (*store.Download, error) {
	if w.d.cfg.Swarm != nil {
		if p, draft := w.d.cfg.Swarm.Yield(w.u.Name); p != nil {
			f, err := w.adopt(p, draft)
			if err == nil {
				return f, nil
			}
			w.d.cfg.Log.Info("download begins anew", "url", w.u.String(), "err", err)
			if err := p.Abandon(); err != nil {
				return nil, err
			}
		}
	}
	return w.d.cfg.Store.OpenDownload(w.u.Name, w.u.String())
}

// adopt makes a download of what came of a draft, if the server can be asked
// whether its file is still that one.
func (w *follower) adopt(p *store.Partial, draft wire.Version) (*store.Download, error) {
	if draft != w.draft {
		return nil, errAnother
	}
	return w.d.cfg.Store.TakeOver(p, w.u.String(), w.stamp)
}

// errAnother reports chunks of a draft that the last downloader did not offer.
var errAnother = errors.New("what came is of another draft")
