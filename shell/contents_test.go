package shell

import (
	"context"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// heldBy is what nodes hold under the name foo; some answer only when asked.
type heldBy struct{ now, later []transfer.Holding }

func (h heldBy) Known(name wire.FileName) ([]transfer.Holding, bool) {
	return h.of(name, h.now), len(h.later) > 0
}

func (h heldBy) Ask(_ context.Context, name wire.FileName) []transfer.Holding {
	return h.of(name, append(h.now[:len(h.now):len(h.now)], h.later...))
}

func (heldBy) of(name wire.FileName, rows []transfer.Holding) []transfer.Holding {
	if name != "foo" {
		return nil
	}
	return rows
}

func TestTabKnowsTheContentsOfAName(t *testing.T) {
	n := completing(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.Local)
	holding := func(node string, id byte, size int64, after time.Duration) transfer.Holding {
		return transfer.Holding{Node: wire.NodeName(node), Version: wire.Version{id, 2, 3, 4, 5, 6}, Meta: wire.Meta{Size: size, ModTime: at.Add(after).UnixNano()}}
	}
	n.cfg.Versions = heldBy{
		now:   []transfer.Holding{holding("kn1", 0xa1, 5, 0), holding("kn2", 0xa1, 5, time.Second), holding("kn1", 0xb1, 6, 0), holding("kn2", 0xb1, 6, 0), holding("kn3", 0xb1, 6, 0)},
		later: []transfer.Holding{holding("kn4", 0xc1, 7, 0)},
	}
	for line, want := range map[string]string{
		"file get foo version ":                    "a10203040506 b10203040506",
		"file get foo version b":                   "b10203040506",
		"file get foo ver ":                        "a10203040506 b10203040506",
		"mesh send kn1 file get foo version ":      "a10203040506 b10203040506",
		"file get " + n.store.Dir() + "/foo ver a": "a10203040506",
		"file get bar version ":                    "",
		"file get ../foo version ":                 "",
	} {
		expect(t, offered(n, line), want)
	}
	line := "file get foo version "
	r := n.Complete(line, len(line))
	if !r.Pending || r.Candidates[0].Help != "kn1 and kn2, 5 bytes, 2026-03-01 12:00:01" || r.Candidates[1].Help != "kn1 and 2 others, 6 bytes, 2026-03-01 12:00:00" {
		t.Errorf("%+v", r)
	}
	for _, c := range n.Complete("file get foo from k", 19).Candidates {
		if c.Text == "kn2" {
			expect(t, c.Help, "b10203040506, 6 bytes, 2026-03-01 12:00:00")
		}
	}
	expect(t, strings.Join(n.Suggest(t.Context(), nil, line+"c"), ""), line+"c10203040506 ")
}
