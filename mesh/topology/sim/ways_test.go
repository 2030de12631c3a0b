package sim

import (
	"slices"
	"testing"
	"time"

	"minimega/mesh/wire"
)

func TestAWayAvoidsWhomItIsToldTo(t *testing.T) {
	s := newSim()
	for range 5 {
		s.add(0)
	}
	// 0 is linked to 1 and 2, these to 3, and that to 4.
	for _, pair := range [][2]int{{0, 1}, {0, 2}, {1, 3}, {2, 3}, {3, 4}} {
		s.connect(s.hosts[pair[0]], s.hosts[pair[1]].target())
	}
	if !s.run(time.Second, s.allSee(4)) {
		t.Fatal(s.state())
	}
	id := func(i int) wire.NodeID { return s.hosts[i].id }
	way := func(to int, avoid ...int) (nodes []int) {
		bad := map[wire.NodeID]bool{}
		for _, i := range avoid {
			bad[id(i)] = true
		}
		for _, passed := range s.hosts[0].Ways([]wire.NodeID{id(to)}, bad)[id(to)] {
			nodes = append(nodes, slices.IndexFunc(s.hosts, func(h *host) bool { return h.id == passed }))
		}
		return nodes
	}
	for _, test := range []struct{ got, want []int }{
		{way(3, 1), []int{2, 3}},
		{way(3, 2), []int{1, 3}},
		{way(3, 2, 3), []int{1, 3}}, // an end is no relay
		{way(4, 1), []int{2, 3, 4}},
		{way(1, 1), []int{1}},
		{way(4, 3), nil},
		{way(3, 1, 2), nil},
		{way(0), nil},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("the way leads over %v, not %v", test.got, test.want)
		}
	}
	usual := s.hosts[0].Relays(id(4))
	link, _ := s.hosts[0].NextHop(id(4))
	if first := s.hosts[0].ends[link].host.id; len(usual) != 2 || usual[0] != first || usual[1] != id(3) {
		t.Errorf("the usual way leads over %v", usual)
	}
	if relays := s.hosts[0].Relays(id(1)); len(relays) != 0 {
		t.Errorf("a peer has relays: %v", relays)
	}
}
