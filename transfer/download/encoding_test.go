package download

import (
	"compress/gzip"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// packed serves the same gzip file under any name, called an encoding.
func packed(t *testing.T, encoding string) (server *httptest.Server, content string) {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(page)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", encoding)
		_, _ = w.Write([]byte(b.String()))
	}))
	t.Cleanup(server.Close)
	return server, b.String()
}

func TestAnArchiveThatIsCalledAnEncodingIsKeptAsItIs(t *testing.T) {
	for name, encoding := range map[string]string{
		"fs.tar.gz": "x-gzip", "fs.tgz": "gzip", "fs.TGZ": "GZIP", "disk.img.gz": "gzip", "fs.tar.bz2": "x-bzip2",
		"fs.txz": "xz", "fs.tar.zst": "zstd", "old.Z": "x-compress", "plain.img": "identity",
	} {
		server, content := packed(t, encoding)
		var fab fabric
		n := fab.add(t, "")
		if err := n.fetch(t, server.URL+"/"+name); err != nil {
			t.Errorf("%s as %s: %v", name, encoding, err)
			continue
		}
		got, err := os.ReadFile(filepath.Join(n.base, "files", name))
		if err != nil || string(got) != content {
			t.Errorf("%s as %s: %d bytes (%v), want the %d that were sent", name, encoding, len(got), err, len(content))
		}
	}
}

func TestWhatIsCalledAnEncodingOfTheFileIsNoFile(t *testing.T) {
	for name, encoding := range map[string]string{
		"disk.img": "gzip", "fs.tar": "x-gzip", "fs.tgz": "br", "fs.tar.gz": "gzip, gzip", "fs.tar.xz": "gzip", "gz": "gzip",
	} {
		server, _ := packed(t, encoding)
		var fab fabric
		n := fab.add(t, "")
		if err := n.fetch(t, server.URL+"/"+name); err == nil || !strings.Contains(err.Error(), "which was not asked for") {
			t.Errorf("%s as %s: %v", name, encoding, err)
		}
	}
}
