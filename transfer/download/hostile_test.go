package download

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"minimega/transfer/store"
)

// raw answers with text, then hangs up.
func raw(w http.ResponseWriter, text string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
}

// broken answers a first request with ten bytes of 100, and then with text.
func broken(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			raw(w, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: \"one\"\r\n\r\n0123456789")
			return
		}
		raw(w, text)
	}
}

func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", to)
		w.WriteHeader(http.StatusFound)
	}
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { raw(w, text) }
}

func stall(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "begin")
	_ = http.NewResponseController(w).Flush()
	<-r.Context().Done()
}

func drip(w http.ResponseWriter, r *http.Request) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
		case <-r.Context().Done():
			return
		}
	}
}

var page = strings.Repeat("<p>not what you wanted</p>", 4)

// hostile are servers that give no file, and what is said of each.
var hostile = []struct {
	name  string
	serve http.HandlerFunc
	want  string
}{
	{"not found", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusNotFound) }, ": 404 Not Found"},
	{"forbidden", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusForbidden) }, ": 403 Forbidden"},
	{"failing", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, page, http.StatusServiceUnavailable) }, ": 503 Service Unavailable"},
	{"no content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, ": 204 No Content"},
	{"own words", says("HTTP/1.1 404 \x1b[31mAll fine\r\nContent-Length: 0\r\n\r\n"), ": 404 Not Found"},
	{"part unasked", says("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-4/5\r\nContent-Length: 5\r\n\r\nhello"), "all was asked for"},
	{"part from elsewhere", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 0-99/100\r\nContent-Length: 100\r\n\r\n" + page[:100]), "must be bytes 10 to"},
	{"part too short", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-20/100\r\nContent-Length: 11\r\n\r\n" + page[:11]), "must be bytes 10 to"},
	{"part of a larger file", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-199/200\r\nContent-Length: 190\r\n\r\n" + page), "has 200 bytes now"},
	{"part of what length", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-99/*\r\nContent-Length: 90\r\n\r\n" + page[:90]), "content range"},
	{"part without range", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Type: multipart/byteranges; boundary=x\r\nContent-Length: 90\r\n\r\n" + page[:90]), "content range"},
	{"part that is longer", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-99/100\r\nContent-Length: 91\r\n\r\n" + page[:91]), "91 bytes of content for a range of 90"},
	{"part without end", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-99/100\r\n\r\n" + page + page), "more bytes than it told"},
	{"part of another version", broken("HTTP/1.1 206 P\r\nETag: \"two\"\r\nContent-Range: bytes 10-99/100\r\nContent-Length: 90\r\n\r\n" + page[:90]), "another version"},
	{"part of no version", broken("HTTP/1.1 206 P\r\nContent-Range: bytes 10-99/100\r\nContent-Length: 90\r\n\r\n" + page[:90]), "another version"},
	{"overflow", broken("HTTP/1.1 206 P\r\nETag: \"one\"\r\nContent-Range: bytes 10-9223372036854775807/9223372036854775808\r\n\r\n"), "content range"},
	{"redirect loop", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "more than 5 in a row"},
	{"redirect to file", redirect("file:///etc/passwd"), `to "file:"`},
	{"redirect to ftp", redirect("ftp://127.0.0.1/x"), `to "ftp:"`},
	{"redirect to metadata", redirect("http://169.254.169.254/latest/meta-data/"), "169.254.169.254: connections there are not allowed"},
	{"redirect to mapped metadata", redirect("http://[::ffff:169.254.169.254]/"), "169.254.169.254: connections there are not allowed"},
	{"redirect to link-local", redirect("http://[fe80::1]/"), "fe80::1: connections there are not allowed"},
	{"redirect to nothing", redirect("http:///x"), "names no host"},
	{"redirect nowhere", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusFound) }, "no URL"},
	{"length of a pebibyte", says("HTTP/1.1 200 OK\r\nContent-Length: 1125899906842624\r\n\r\nhello"), "no space"},
	{"lying length", says("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"), "connection broke"},
	{"two lengths", says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!"), "Content-Length"},
	{"negative length", says("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"), "Content-Length"},
	{"no length", says("HTTP/1.1 200 OK\r\n\r\nhello"), "no length"},
	{"chunks cut off", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"), "connection broke"},
	{"chunk of all memory", says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff0\r\nhello"), "connection broke"},
	{"gzip", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = io.WriteString(w, "\x1f\x8b\x08\x00")
	}, `encoded as "gzip"`},
	{"slow header", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "timeout awaiting response headers"},
	{"stalled body", stall, "no more bytes came"},
	{"dripping body", drip, "no more bytes came"},
	{"header without end", says("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 4*maxHeader) + "\r\n\r\n"), "header"},
	{"not HTTP", says("SSH-2.0-OpenSSH_9.6\r\n"), "malformed HTTP"},
	{"nothing at all", says(""), "EOF"},
}

func TestAHostileServerGetsNothingDoneAndNothingIsLeft(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			n := new(fabric).add(t, "")
			n.sentinels(t)
			before := n.tree(t)
			err := n.fetch(t, newWeb(t, tt.serve).URL+"/new/dir/x.img")
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if after := n.tree(t); after != before {
				t.Errorf("the tree was\n%sand is\n%s", before, after)
			}
		})
	}
}

func TestHTTPSIsVerifiedAndNeverLeftForHTTP(t *testing.T) {
	plain := newWeb(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "plain") })
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, "secure")
	}))
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	defer secure.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secure.Certificate())
	n := new(fabric).add(t, "", func(c *Config) { c.Roots = roots })
	before := n.tree(t)
	if err := new(fabric).add(t, "").fetch(t, secure.URL+"/x"); err == nil || !strings.Contains(err.Error(), "x509") {
		t.Errorf("without its root: %v", err)
	}
	if err := n.fetch(t, secure.URL+"/down"); !errors.Is(err, ErrRedirect) || n.tree(t) != before || len(plain.requests()) != 0 {
		t.Errorf("to http: %v", err)
	}
	up := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL+r.URL.Path, http.StatusFound)
	})
	if err := n.fetch(t, up.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	n.has(t, "x", "secure")
}

func TestABodyWithoutEndStopsWhereTheDiskIsFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("mounting a small file system needs root")
	}
	base := t.TempDir()
	if err := syscall.Mount("tmpfs", base, "tmpfs", 0, "size=32m"); err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(base, syscall.MNT_DETACH) })
	n := new(fabric).add(t, base)
	n.sentinels(t)
	before := n.tree(t)
	web := newWeb(t, func(w http.ResponseWriter, _ *http.Request) {
		for block := make([]byte, 1<<20); ; {
			if _, err := w.Write(block); err != nil {
				return
			}
		}
	})
	var full *store.NoSpaceError
	if err := n.fetch(t, web.URL+"/x"); !errors.As(err, &full) {
		t.Errorf("%v", err)
	}
	if after := n.tree(t); after != before {
		t.Errorf("the tree was\n%sand is\n%s", before, after)
	}
}

func TestHostileNamesNeverReachAServer(t *testing.T) {
	web := newWeb(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	n := new(fabric).add(t, "")
	n.sentinels(t)
	if err := os.Symlink("../outside", filepath.Join(n.base, "files/link")); err != nil {
		t.Fatal(err)
	}
	before := n.tree(t)
	for _, path := range []string{
		"", "/", "/a/", "/../x", "/a/../../x", "/%2e%2e/x", "/a%2f..%2fx", "/a%00b", "/a%1b[31m", "/%ff", "/a*", "/a%3fb", "/[a]", `/a\b`,
		"/x?token=secret", "/x?", "/.minimega/hashes", "/transfer_1/data", "/dir", "/" + strings.Repeat("a", 256), "/" + strings.Repeat("a/", 64) + "b",
		"/%e2%80%ae.img", "/mine/x", "/mine/dir/x", "/link/x", "/link/dir/x",
	} {
		if err := n.fetch(t, web.URL+path); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", path, err)
		}
	}
	if after := n.tree(t); after != before || len(web.requests()) != 0 {
		t.Errorf("%d requests; the tree was\n%sand is\n%s", len(web.requests()), before, after)
	}
}

func TestOnlyAllowedAddressesAreConnectedTo(t *testing.T) {
	web := newWeb(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "x") })
	for list, want := range map[string]bool{"": true, "127.0.0.0/8": true, "10.0.0.0/8, 127.0.0.1": true, "10.0.0.0/8": false, "::/0": false} {
		allow, err := ParseAllow(list)
		if err != nil {
			t.Fatal(err)
		}
		n := new(fabric).add(t, "", func(c *Config) { c.Allow = allow })
		for _, url := range []string{web.URL, strings.Replace(web.URL, "127.0.0.1", "localhost", 1)} {
			err := n.fetch(t, fmt.Sprintf("%s/%t", url, strings.Contains(url, "localhost")))
			if !want && !errors.Is(err, ErrNotAllowed) || want && errors.Is(err, ErrNotAllowed) {
				t.Errorf("%q: %s: %v", list, url, err)
			}
		}
	}
	for _, bad := range []string{"10.0.0.0/33", "all", "10.0.0.0/8,", "::ffff:10.0.0.0/104"} {
		if _, err := ParseAllow(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestRootsMustHoldCertificates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "roots.pem")
	if err := os.WriteFile(file, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Roots(file); err == nil || !strings.Contains(err.Error(), "PEM") {
		t.Errorf("%v", err)
	}
	if _, err := Roots(file + "x"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAServerThatHangsUpIsSaidToHaveDoneSo(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Read(make([]byte, 4096)) // so that its end is no reset
			conn.Close()
		}
	})
	defer serving.Wait()
	defer silent.Close()
	n := new(fabric).add(t, "")
	for scheme, want := range map[string]string{
		"http":  "the server closed the connection before it answered",
		"https": "the server closed the connection: does it speak https?",
	} {
		if err := n.fetch(t, scheme+"://"+silent.Addr().String()+"/x"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", scheme, err)
		}
	}
}
