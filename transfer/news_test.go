package transfer

import (
	"bytes"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/planner"
	"minimega/transfer/store"
)

// putOff returns a fetch that holds chunk 9 of 64, and a source that has not
// been told of it for the given time.
func putOff(since time.Duration) (*fetch, *source) {
	f := &fetch{e: &Engine{start: time.Now().Add(-time.Hour)}}
	f.c = newContent(wire.Version{1}, "a", wire.Meta{}, &store.Manifest{Size: 64 << 16, ChunkSize: 1 << 16, Hashes: make([]byte, 64*wire.HashSize)}, nil)
	f.c.own(9)
	s := &source{f: f, topic: 3, link: &link{out: newOutbox()}, toldAt: f.e.now() - since}
	s.later(9)
	return f, s
}

func TestNewsThatIsNotUrgentRidesWithWhatIsSentAnyway(t *testing.T) {
	f, s := putOff(tickEvery)
	f.rideLocked(s, false)
	frames, err := s.link.out.take(nil)
	want := wire.AppendHave(nil, wire.Have{Topic: 3, First: 8, Bits: []byte{2}})
	if err != nil || !bytes.Equal(frames, want) {
		t.Errorf("%x was to be sent (%v), want %x", frames, err, want)
	}
	select {
	case <-s.link.out.wake:
		t.Error("the writer was woken for it")
	default:
	}
	if f.rideLocked(s, false); len(s.link.out.frames) > 0 {
		t.Error("it was told twice")
	}
}

func TestNewsJustToldWaitsForMoreOfItsKind(t *testing.T) {
	f, s := putOff(0)
	if f.rideLocked(s, false); len(s.link.out.frames) > 0 {
		t.Error("it was told at once")
	}
}

func TestWhoDealsIsToldWithEachLeave(t *testing.T) {
	f, s := putOff(0)
	f.byPeer = map[planner.Peer]*source{1: s}
	f.rx = planner.New(64, 8)
	f.rx.Join(f.e.now(), 1)
	f.rx.Seed(1)
	f.planLocked()
	frames, err := s.link.out.take(nil)
	if want := wire.AppendHave(nil, wire.Have{Topic: 3, First: 8, Bits: []byte{2}}); err != nil || !bytes.HasPrefix(frames, want) || len(frames) == len(want) {
		t.Errorf("%x was to be sent (%v), want %x and a leave to deal", frames, err, want)
	}
}

func TestLongNewsDoesNotGoWithEachLeave(t *testing.T) {
	f, s := putOff(0)
	s.later(9 + shortNews)
	if f.rideLocked(s, true); len(s.link.out.frames) > 0 {
		t.Error("it was told at once")
	}
}

func TestNewsThatFindsNoCompanyIsToldAlone(t *testing.T) {
	f, s := putOff(newsPatience)
	f.byPeer = map[planner.Peer]*source{1: s}
	f.tellLateLocked()
	frames, err := s.link.out.take(nil)
	if err != nil || len(frames) == 0 {
		t.Fatalf("nothing is to be sent: %v", err)
	}
	select {
	case <-s.link.out.wake:
	default:
		t.Error("the writer was not woken")
	}
}
