package shell

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

func TestStatusDetailAddsToTheTutorialsColumns(t *testing.T) {
	n := newNode(t, "foo")
	at := time.Date(2016, 3, 22, 1, 2, 3, 0, time.UTC)
	n.files.status = []transfer.Status{
		{Name: "big", Dir: "/f/transfer_1", Parts: 1, Total: 3, Size: 30 << 20, Done: 12 << 20, Reused: 1 << 20,
			Rate: 2 << 20, Left: 9 * time.Second, Peers: 2, Ratio: 1.5, Version: wire.Version{1}},
		{Name: "next", Total: 3, Queued: true, Size: 30 << 20},
	}
	n.files.ended = []transfer.Status{
		{Name: "big", Total: 3, Ended: at, Err: errors.New("is running again")},
		{Name: "bad", Total: 1, Size: 7, Ended: at, Took: time.Second, Err: errors.New("bad: source changed\nget it again")},
		{Name: "good", Parts: 1, Total: 1, Size: 7, Done: 7, Ended: at, Took: 1234 * time.Millisecond},
	}
	c := NewClient(nil, nil)
	got := n.run(t, c, ".csv true file status detail")
	version := wire.Version{1}.Short()
	expect(t, got, strings.TrimLeft(`
host,Filename,Temporary directory,Completed parts,Queued,Size,Done,Reused,Rate,Time left,Peers,Ratio,Version,Ended,Result
foo,bad,,0/1,false,7,0,0,,,0,,,2016-03-22T01:02:03Z,failed: bad: source changed
foo,big,/f/transfer_1,1/3,false,31457280,12582912,1048576,2.0 MiB/s,9s,2,1.50,`+version+`,,
foo,good,,1/1,false,7,7,0,,,0,,,2016-03-22T01:02:03Z,finished in 1.2s
foo,next,,0/3,true,31457280,0,0,,,0,,,,
`, "\n"))
	expect(t, n.run(t, c, ".csv true file status"), strings.TrimLeft(`
host,Filename,Temporary directory,Completed parts,Queued
foo,big,/f/transfer_1,1/3,false
foo,next,,0/3,true
`, "\n"))
}

func TestAWarningThatTheClientCannotTakeIsLogged(t *testing.T) {
	n := newNode(t, "foo")
	var logged bytes.Buffer
	n.cfg.Log = slog.New(slog.NewTextHandler(&logged, nil))
	talk := &talk{shell: n.Shell}
	talk.warn("file does not exist: x")
	if !strings.Contains(logged.String(), "level=WARN") || !strings.Contains(logged.String(), "file does not exist: x") {
		t.Error(logged.String())
	}
}
