package transfer

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"minimega/mesh/wire"
)

func TestHistoryKeepsTheLastEndOfEachNameForAnHour(t *testing.T) {
	var h history
	failed := errors.New("failed")
	h.add(0, Status{Name: "a", Err: failed})
	h.add(time.Minute, Status{Name: "b"})
	h.add(2*time.Minute, Status{Name: "a"})
	got := h.list(3 * time.Minute)
	if len(got) != 2 || got[0].Name != "b" || got[1].Name != "a" || got[1].Err != nil {
		t.Errorf("kept are %+v", got)
	}
	if got = h.list(time.Hour + time.Minute); len(got) != 1 || got[0].Name != "a" {
		t.Errorf("after an hour kept are %+v", got)
	}
	if !h.finished("a", 2*time.Minute) || h.finished("a", 3*time.Minute) {
		t.Error("it does not know when a finished")
	}
}

func TestManyFilesThatCameDoNotPushOutWhatFailed(t *testing.T) {
	var h history
	h.add(0, Status{Name: "bad", Err: errors.New("failed")})
	for i := range 10 * keptMax {
		h.add(time.Duration(i), Status{Name: wire.FileName(name(i))})
	}
	got := h.list(time.Minute)
	if len(got) != keptMax+1 || got[0].Name != "bad" {
		t.Errorf("kept are %d, first %s", len(got), got[0].Name)
	}
}

func TestStatusTellsSizesRateAndCompression(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	data := bytes.Repeat(random(1, 1024), 16<<10)
	a.putHashed(t, "text", data)
	a.put("small", random(2, 100))
	must(t, a.engine.SetLimit(20_000))
	j := b.get("text")
	await(t, func() bool { s := b.engine.Status(); return len(s) == 1 && s[0].Done > 0 && s[0].Rate > 0 })
	s := b.engine.Status()[0]
	if s.Size != int64(len(data)) || s.Left <= 0 || s.Peers != 1 || s.Ratio < 2 || s.Version.IsZero() || s.Reused != 0 {
		t.Errorf("status is %+v", s)
	}
	must(t, a.engine.SetLimit(0))
	b.wait(j)
	b.wait(b.get("small"))
	b.wait(b.get("small")) // is here: no transfer
	got := b.engine.Ended()
	if len(got) != 2 {
		t.Fatalf("ended are %+v", got)
	}
	if s = got[0]; s.Done != s.Size || s.Parts != s.Total || s.Err != nil || s.Ended.IsZero() || s.Took <= 0 || s.Rate <= 0 || s.Peers != 1 || s.Dir != "" {
		t.Errorf("text ended as %+v", s)
	}
	if s = got[1]; s.Name != "small" || s.Done != 100 || s.Err != nil {
		t.Errorf("small ended as %+v", s)
	}
}

func TestStatusTellsWhyATransferFailed(t *testing.T) {
	t.Parallel()
	fab := newFabric(t)
	a, b := fab.add("kn1", ""), fab.add("kn2", "")
	a.put("image", random(1, 4<<20))
	must(t, a.engine.SetLimit(MinLimit))
	j := b.get("image")
	<-j.Begun()
	must(t, b.engine.Delete("image"))
	<-j.Done()
	if got := b.engine.Ended(); len(got) != 1 || !errors.Is(got[0].Err, ErrCanceled) {
		t.Errorf("ended are %+v", got)
	}
}
