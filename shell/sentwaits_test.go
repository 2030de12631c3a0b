package shell

import (
	"testing"
	"testing/synctest"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// seen is a [Watch] that looks once a second, and hands over the first rows
// that there are.
func seen(first chan<- []transfer.Progress) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		told := false
		return every(time.Second, func() {
			if all := rows(); len(all) > 0 && !told {
				told = true
				first <- all
			}
		})
	}
}

func TestWhoSendsACommandSeesWhatItWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kn2 := newNode(t, "kn2")
		head := newNode(t, "head", kn2)
		kn2.files.has, kn2.files.hold = []string{"big"}, make(chan struct{})
		first := make(chan []transfer.Progress, 1)
		c := NewClient(seen(first), nil)
		sent := make(chan string)
		go func() { sent <- head.run(t, c, "mesh send kn2 vm config cdrom file:big") }()

		rows := <-first
		if len(rows) != 1 || rows[0].Name != "big on kn2" || rows[0].BytesTotal != 1<<30 {
			t.Errorf("it sees %+v", rows)
		}
		others := wire.Member{ID: wire.NodeID{77}, Name: "kn9"}
		for key := range kn2.waits.rows {
			body, err := wire.Marshal(key.token)
			if err != nil {
				t.Fatal(err)
			}
			answer, err := kn2.serveWaits(t.Context(), others, body)
			var all []waitRow
			if err != nil || wire.Unmarshal(answer, &all) != nil || len(all) != 0 {
				t.Errorf("another node is told %+v, %v", all, err)
			}
		}

		close(kn2.files.hold)
		expect(t, <-sent, "")
		if len(kn2.waits.rows) != 0 {
			t.Errorf("%d commands are still waited for", len(kn2.waits.rows))
		}
	})
}

func TestWhatNodesWaitForIsOneRowAFile(t *testing.T) {
	w := &sentWaits{condense: NewClient(nil, nil).set.Condense, told: map[wire.NodeName][]waitRow{
		"kn1": {{Name: "a", Done: 1, Total: 10, Rate: 1, Left: time.Minute, Peers: 2}},
		"kn3": {{Name: "a", Done: 2, Total: 10, Rate: 2, Left: time.Second, Peers: 1}, {Name: "b", Done: -5, State: "no source\x1b[31m"}},
		"kn2": {{Name: "a", Done: 3, Total: 10}},
	}}
	got := w.rows()
	want := []transfer.Progress{
		{Name: "a on kn[1-3]", BytesDone: 6, BytesTotal: 30, Rate: 3, Left: time.Minute, Peers: 2},
		{Name: "b on kn3", State: `no source\x1b[31m`},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("rows\n%+v, want\n%+v", got, want)
	}
	w.answered(wire.Member{Name: "kn3"})
	w.answered(wire.Member{Name: "kn1"})
	if got := w.rows(); len(got) != 1 || got[0].Name != "a on kn2" {
		t.Errorf("after two have answered: %+v", got)
	}
}
