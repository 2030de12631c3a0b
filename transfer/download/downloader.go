package download

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// Mesh is what a [Downloader] needs of the mesh.
type Mesh interface {
	Self() wire.Member
	Members() []wire.Member // without self
	Call(ctx context.Context, to []wire.NodeID, method string, body []byte) iter.Seq[wire.Reply]
}

// Config is what a [Downloader] is made of.
type Config struct {
	Store *store.Store
	Mesh  Mesh
	Swarm Swarm          // nil: nobody takes part in a download before its end
	Limit Limit          // of what comes; nil: none
	Allow Allow          // addresses to connect to
	Roots *x509.CertPool // whose certificates servers may have; nil: the system's
	Log   *slog.Logger   // nil discards
}

// Rules returns what the flags -http-allow and -cacert say, for New.
func Rules(allow, cacert string) (cfg Config, err error) {
	if cfg.Allow, err = ParseAllow(allow); err != nil {
		return cfg, fmt.Errorf("-http-allow: %w", err)
	}
	if cfg.Roots, err = Roots(cacert); err != nil {
		return cfg, fmt.Errorf("-cacert: %w", err)
	}
	return cfg, nil
}

// Downloader downloads files. See the package comment.
type Downloader struct {
	cfg    Config
	client *client
	claims claims
}

// Told hears how far a download is, in bytes; total is 0 where nobody knows. At
// is the node that downloads, "" for this one.
type Told = func(done, total int64, at wire.NodeName)

// errKeeping marks what went wrong with the file here, not with the server.
var errKeeping = errors.New("cannot keep it")

// New returns a downloader. It does nothing by itself.
func New(cfg Config) *Downloader {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	d := &Downloader{
		cfg: cfg, client: newClient(cfg.Allow, cfg.Roots, defaultTimeouts()),
		claims: claims{own: map[wire.FileName]*claim{}, failed: map[wire.FileName]failure{}},
	}
	d.client.limit = cfg.Limit
	return d
}

// Name returns what the file of a URL is called below the files directory. Its
// errors are those of [ParseURL].
func (d *Downloader) Name(raw string) (wire.FileName, error) {
	u, err := ParseURL(raw)
	return u.Name, err
}

// Fetch returns when the file of a URL is in the mesh: on some node that had it
// before, on one that has downloaded it meanwhile, or on this one, which is so
// too where it has taken part in another's download. It blocks; ctx ends it. Its
// errors show the URL without credentials.
func (d *Downloader) Fetch(ctx context.Context, raw string, told Told) error {
	u, err := ParseURL(raw)
	if err != nil {
		return err
	}
	w := &follower{d: d, u: u}
	defer w.leave()
	for ctx.Err() == nil {
		if d.cfg.Store.Holds(u.Name) {
			return nil
		}
		there, err := d.round(ctx, w, told)
		if err != nil {
			return fmt.Errorf("%s: %w", u, err)
		}
		if there {
			return nil
		}
	}
	return ctx.Err()
}

// round does what is to be done now, and reports whether the file is there.
func (d *Downloader) round(ctx context.Context, w *follower, told Told) (there bool, err error) {
	u := w.u
	mine, ok := d.claims.begin(u)
	if !ok {
		return false, mine.watch(ctx, u, told)
	}
	other, busy := d.ask(ctx, u)
	if busy && other.State == wire.DownloadHeld {
		d.claims.end(mine, nil)
		return w.last(ctx, other.node, told), nil
	}
	if !busy {
		if other.node, ok = d.claims.confirm(mine); ok {
			err := d.download(ctx, w, mine, func(done, total int64) { told(done, total, "") })
			d.claims.end(mine, err)
			return true, err
		}
	}
	d.claims.end(mine, nil)
	w.hear(ctx, other.DownloadAnswer)
	return d.await(ctx, other.node, w, told)
}

// watch waits for a claim of another session of this node.
func (m *claim) watch(ctx context.Context, u URL, told Told) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		select {
		case <-m.done:
			if m.err != nil && m.source == u.source() && m.source != "" && !givenUp(m.err) {
				return m.err
			}
			return nil
		case <-tick.C:
			row := m.now()
			told(row.Done, row.Total, "")
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// download brings the file of w's URL to this node's files.
func (d *Downloader) download(ctx context.Context, w *follower, mine *claim, told func(done, total int64)) error {
	f, err := w.takeOver()
	if err != nil {
		return fmt.Errorf("%w: %w", errKeeping, err)
	}
	d.cfg.Log.Info("download", "url", w.u.String(), "from", f.Held())
	s := d.share(f, mine, told)
	if err := d.client.pull(ctx, w.u, s); err != nil {
		s.giveUp(err)
		if ctx.Err() != nil || again(err) {
			return errors.Join(err, f.Close())
		}
		return errors.Join(err, f.Abandon())
	}
	if err := s.publish(); err != nil {
		err = fmt.Errorf("%w: %w", errKeeping, err)
		s.giveUp(err)
		return errors.Join(err, f.Abandon())
	}
	return nil
}

// Running is a download of this node.
type Running struct {
	Name        wire.FileName
	Dir         string // its temporary directory; "" where there is none yet
	Done, Total int64  // bytes; Total is 0 where nobody knows
}

// Running lists what this node downloads, sorted by name.
func (d *Downloader) Running() []Running {
	rows := d.claims.list()
	slices.SortFunc(rows, func(a, b Running) int { return cmp.Compare(a.Name, b.Name) })
	return rows
}
