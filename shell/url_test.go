package shell

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer"
)

// fakeDownloads puts what it is asked for into the files that can be had.
type fakeDownloads struct {
	files *fakeFiles
	urls  []string
	err   error
	rows  []transfer.Status // what is running
}

func (d *fakeDownloads) Running() []transfer.Status { return d.rows }

func (d *fakeDownloads) Name(url string) (wire.FileName, error) {
	_, path, ok := strings.Cut(url[len("http://"):], "/")
	if !ok {
		return "", errors.New("bad URL")
	}
	return wire.FileName(path), nil
}

func (d *fakeDownloads) Fetch(_ context.Context, url string, told func(int64, int64, wire.NodeName)) error {
	d.urls = append(d.urls, url)
	if d.err != nil {
		return d.err
	}
	told(1, 2, "")
	name, err := d.Name(url)
	if !slices.Contains(d.files.has, string(name)) {
		d.files.has = append(d.files.has, string(name))
	}
	return err
}

func newURLNode(t *testing.T) (*node, *fakeDownloads) {
	n := newNode(t, "foo")
	d := &fakeDownloads{files: n.files}
	n.cfg.Downloads = d
	return n, d
}

func TestAURLIsReplacedByTheLocalPathWhereAFileIsExpected(t *testing.T) {
	n, d := newURLNode(t)
	c := NewClient(nil, nil)
	for _, tt := range []struct{ line, want string }{
		{"vm config disk http://host/releases/x.img", ""},
		{"vm config disk", "[/files/releases/x.img]\n"},
		{"vm config disk HTTP://u:a,b@host/releases/y.img,virtio,writeback file:releases/x.img", ""},
		{"vm config disk", "[/files/releases/y.img,virtio,writeback /files/releases/x.img]\n"},
		{"vm config kernel http://host/vmlinuz,1", ""},
		{"vm config kernel", "/files/vmlinuz,1\n"},
		{"vm config filesystem http://host/fs", ""},
		{"vm config filesystem", "[/files/fs]\n"},
		{"vm config volume /data http://host/vol", ""},
		{"vm config volume /data", "/files/vol\n"},
		{"vm config cdrom http://host", "Error (foo): bad URL\n"},
	} {
		expect(t, n.run(t, c, tt.line), tt.want)
	}
	if len(d.urls) != 5 || d.urls[1] != "HTTP://u:a,b@host/releases/y.img" {
		t.Errorf("fetched %q", d.urls)
	}
}

func TestAURLStandsElsewhereAndWithoutPreprocessing(t *testing.T) {
	n, d := newURLNode(t)
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "echo http://host/x https://host/y"), "foo: http://host/x https://host/y\n")
	expect(t, n.run(t, c, "shell echo http://host/x"), "foo: http://host/x\n")
	expect(t, n.run(t, c, "vm config append url=http://host/x http://host/y"), "")
	expect(t, n.run(t, c, ".preprocess false vm config kernel http://host/x"), "")
	expect(t, n.run(t, c, "vm config kernel"), "/files/http:/host/x\n")
	if len(d.urls) != 0 {
		t.Errorf("fetched %q", d.urls)
	}
}

func TestCredentialsInAURLAreNeverShown(t *testing.T) {
	n, d := newURLNode(t)
	d.err = errors.New("401 Unauthorized")
	c := NewClient(nil, nil)
	out := n.run(t, c, "vm config kernel http://me:s3cret@host/x", "vm config krnl https://me:s3cret@host/x", "history")
	if strings.Contains(out, "s3cret") || !strings.Contains(out, "http://***@host/x") || !strings.Contains(out, "401 Unauthorized") {
		t.Errorf("%s", out)
	}
	if len(d.urls) != 1 || d.urls[0] != "http://me:s3cret@host/x" {
		t.Errorf("fetched %q", d.urls)
	}
}

func TestAFileThatVanishesFromTheMeshIsLookedForAgainAndThenMissing(t *testing.T) {
	n, d := newURLNode(t)
	n.cfg.Downloads = vanishing{d}
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "vm config kernel http://host/x"), "Error (foo): get x: file not found\n")
	if len(d.urls) != lookAgain {
		t.Errorf("fetched %q", d.urls)
	}
}

// vanishing says that files are in the mesh, where they are not.
type vanishing struct{ *fakeDownloads }

func (v vanishing) Fetch(_ context.Context, url string, _ func(int64, int64, wire.NodeName)) error {
	v.urls = append(v.urls, url)
	return nil
}

func TestAMeterCountsWhatCameSinceItWasFirstTold(t *testing.T) {
	m := &meter{name: "x"}
	m.tell(100, 300, "kn2")
	m.tell(200, 300, "kn2")
	p := m.progress(m.start.Add(2 * time.Second))
	if got := fmt.Sprintf("%d %d %v %v %s", p.BytesDone, p.BytesTotal, p.Rate, p.Left, p.State); got != "200 300 50 2s downloaded by kn2" {
		t.Error(got)
	}
	m.tell(10, 0, "")
	if p := m.progress(m.start.Add(time.Second)); p.BytesDone != 10 || p.BytesTotal != 0 || p.Rate != 0 || p.Left != 0 || p.State != "" {
		t.Errorf("%+v", p)
	}
}

func TestProgressNamesNoTotalThatIsNotKnown(t *testing.T) {
	m := &meter{name: "x.img"}
	expect(t, describe(m.rows()[0]), "x.img: 0 B")
	m.tell(5<<20, -1, "")
	expect(t, describe(m.rows()[0]), "x.img: 5.0 MiB, from 1")
	expect(t, describe(transfer.Progress{Name: "x.img", BytesDone: 1, BytesTotal: 2}), "x.img: 1 B of 2 B")
}

func TestAURLStandsForItsNameWhereOneOfTheMeshIsExpected(t *testing.T) {
	n, d := newURLNode(t)
	n.cfg.Archives = &fakeArchives{dirs: map[string]string{"/files/fs.tgz": "/files/fs"}}
	c := NewClient(nil, nil)
	expect(t, n.run(t, c, "file get http://host/releases/x.img"), "")
	expect(t, n.run(t, c, "vm config filesystem tar:http://host/fs.tgz"), "")
	expect(t, n.run(t, c, "vm config filesystem"), "[/files/fs]\n")
	if want := []string{"http://host/releases/x.img", "http://host/fs.tgz"}; !slices.Equal(d.urls, want) {
		t.Errorf("fetched %q", d.urls)
	}
	if got := n.files.got[1]; got != "releases/x.img" {
		t.Errorf("got %q", n.files.got)
	}
}

func TestFileStatusShowsDownloadsAmongTransfers(t *testing.T) {
	n, d := newURLNode(t)
	n.files.status = []transfer.Status{
		{Name: "a", Dir: "/files/transfer_1", Parts: 1, Total: 2},
		{Name: "c", Dir: "/files/transfer_3", Total: 9, Queued: true},
	}
	d.rows = []transfer.Status{
		{Name: "b", Dir: "/files/transfer_2", Parts: 3, Total: 4, State: "length unknown"},
		{Name: "c", Dir: "/files/transfer_4", Parts: 3, Total: 9},
	}
	got := n.run(t, NewClient(nil, nil), ".header false file status")
	for _, row := range []string{"a +\\| /files/transfer_1 \\| 1/2", "b +\\| /files/transfer_2 \\| 3/4 length unknown", "c +\\| /files/transfer_3 \\| 0/9"} {
		if !regexp.MustCompile(row).MatchString(got) {
			t.Errorf("no %s in\n%s", row, got)
		}
	}
	if strings.Contains(got, "transfer_4") {
		t.Errorf("one file twice:\n%s", got)
	}
}
