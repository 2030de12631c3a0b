package download

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/mesh/wire"
)

var (
	content  = strings.Repeat("0123456789abcdef", 1<<14) // 256 KiB
	modified = time.Date(2014, 4, 1, 0, 0, 0, 0, time.UTC)
)

// serveContent is a server as it should be.
func serveContent(w http.ResponseWriter, r *http.Request, etag, text string) {
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	http.ServeContent(w, r, "", modified, strings.NewReader(text))
}

// half answers with the first half of text, as if the connection then broke.
func half(w http.ResponseWriter, etag, text string) {
	w.Header().Set("Content-Length", "262144")
	w.Header().Set("Last-Modified", modified.Format(http.TimeFormat))
	if etag != "" {
		w.Header().Set("ETag", etag)
	}
	_, _ = io.WriteString(w, text[:len(text)/2])
	_ = http.NewResponseController(w).Flush()
}

func TestAURLIsKeptUnderItsPathWithTheServersTime(t *testing.T) {
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) { serveContent(w, r, "", content) })
	n := new(fabric).add(t, "")
	var done, total int64
	err := n.fetch(t, web.URL+"/releases/14.04/a%20b.img#part", func(d, all int64, at wire.NodeName) { done, total = d, all })
	if err != nil {
		t.Fatal(err)
	}
	n.has(t, "releases/14.04/a b.img", content)
	info, err := os.Stat(filepath.Join(n.base, "files/releases/14.04/a b.img"))
	if err != nil || !info.ModTime().Equal(modified) || info.Mode() != 0o644 {
		t.Errorf("%v %v, %v", info.Mode(), info.ModTime(), err)
	}
	if done != int64(len(content)) || total != done {
		t.Errorf("told %d of %d", done, total)
	}
	if err := n.fetch(t, web.URL+"/releases/14.04/a%20b.img"); err != nil || len(web.requests()) != 1 {
		t.Errorf("%d requests, %v", len(web.requests()), err)
	}
}

func TestABrokenConnectionGoesOnWhereItWas(t *testing.T) {
	for name, etag := range map[string]string{"entity tag": `"one"`, "time": "", "weak tag and time": `W/"one"`} {
		t.Run(name, func(t *testing.T) {
			web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("Range") == "" {
					half(w, etag, content)
					panic(http.ErrAbortHandler)
				}
				serveContent(w, r, etag, content)
			})
			n := new(fabric).add(t, "")
			if err := n.fetch(t, web.URL+"/x"); err != nil {
				t.Fatal(err)
			}
			n.has(t, "x", content)
			seen := web.requests()
			if len(seen) != 2 || seen[1].Header.Get("Range") != "bytes=131072-" || seen[1].Header.Get("If-Range") == "" {
				t.Errorf("%d requests, the last with %v", len(seen), seen[len(seen)-1].Header)
			}
		})
	}
}

func TestAFileThatChangedMeanwhileBeginsAnew(t *testing.T) {
	changed := strings.Repeat("fedcba9876543210", 1<<14)
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			half(w, `"one"`, content)
			panic(http.ErrAbortHandler)
		}
		serveContent(w, r, `"two"`, changed)
	})
	n := new(fabric).add(t, "")
	if err := n.fetch(t, web.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	n.has(t, "x", changed)
}

func TestWhatCannotGoOnBeginsAnew(t *testing.T) {
	answers := []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) {
			half(w, `"one"`, content)
			panic(http.ErrAbortHandler)
		},
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Range") != "" {
				t.Error("a range of what was refused")
			}
			serveContent(w, r, "", content)
		},
	}
	var mu sync.Mutex
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		next := answers[0]
		answers = answers[1:]
		mu.Unlock()
		next(w, r)
	})
	n := new(fabric).add(t, "")
	if err := n.fetch(t, web.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	n.has(t, "x", content)
}

func TestADownloadThatWasGivenUpGoesOnInTheNextProcess(t *testing.T) {
	arrived := make(chan struct{})
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") == "" {
			half(w, `"one"`, content)
			<-r.Context().Done()
			return
		}
		serveContent(w, r, `"one"`, content)
	})
	n := new(fabric).add(t, "")
	n.client.times.stall = limit
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	once := sync.OnceFunc(func() { close(arrived) })
	err := n.Fetch(ctx, web.URL+"/x", func(done, _ int64, _ wire.NodeName) {
		if done == int64(len(content)/2) {
			once()
		}
	})
	if !errors.Is(err, context.Canceled) || n.cfg.Store.Holds("x") {
		t.Fatalf("%v", err)
	}
	again := new(fabric).add(t, n.base)
	if left, err := again.cfg.Store.Leftovers(); err != nil || len(left) != 0 {
		t.Fatalf("%v, %v", left, err)
	}
	if err := again.fetch(t, web.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	again.has(t, "x", content)
	seen := web.requests()
	if len(seen) != 2 || seen[1].Header.Get("Range") != "bytes=131072-" {
		t.Errorf("%d requests, the last with %v", len(seen), seen[len(seen)-1].Header)
	}
	if left, _ := filepath.Glob(filepath.Join(n.base, "files/transfer_*")); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestCredentialsAreForTheirServerAlone(t *testing.T) {
	other := newWeb(t, func(w http.ResponseWriter, r *http.Request) { serveContent(w, r, "", "elsewhere") })
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		switch {
		case user != "me" || password != "s3cret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/moved":
			http.Redirect(w, r, strings.Replace(other.URL, "//", "//x:y@", 1)+"/moved", http.StatusFound)
		default:
			serveContent(w, r, "", content)
		}
	})
	n := new(fabric).add(t, "")
	with := strings.Replace(web.URL, "//", "//me:s3cret@", 1)
	for _, path := range []string{"/x", "/moved"} {
		if err := n.fetch(t, with+path); err != nil {
			t.Fatal(err)
		}
	}
	n.has(t, "moved", "elsewhere")
	if auth := other.requests()[0].Header; auth.Get("Authorization") != "" || auth.Get("Referer") != "" {
		t.Errorf("the other server got %v", auth)
	}
	wrong := strings.Replace(web.URL, "//", "//me:wr0ng@", 1)
	for _, url := range []string{wrong + "/y", wrong + "/y?z", wrong + "/", wrong + "/..", "http://me:wr0ng@[/y", "http://me:wr0ng@/y", "http://me:wr0ng@h:port/y"} {
		if err := n.fetch(t, url); err == nil || strings.Contains(err.Error(), "wr0ng") || strings.Contains(err.Error(), "//me") {
			t.Errorf("%v", err)
		}
	}
}

func TestTheProxyOfTheEnvironmentIsUsed(t *testing.T) {
	web := newWeb(t, func(w http.ResponseWriter, r *http.Request) { serveContent(w, r, "", r.URL.String()) })
	t.Setenv("HTTP_PROXY", web.URL)
	t.Setenv("NO_PROXY", "")
	n := new(fabric).add(t, "")
	if err := n.fetch(t, "http://cloud.invalid/x"); err != nil {
		t.Fatal(err)
	}
	n.has(t, "x", "http://cloud.invalid/x")
	if err := n.fetch(t, "http://169.254.169.254/y"); !errors.Is(err, ErrNotAllowed) {
		t.Errorf("through a proxy: %v", err)
	}
}

func TestHTTP2WithoutLengthIsWholeAtTheEndOfItsStream(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
		_ = http.NewResponseController(w).Flush()
	}))
	secure.EnableHTTP2 = true
	secure.StartTLS()
	defer secure.Close()
	n := new(fabric).add(t, "", func(c *Config) {
		c.Roots = secure.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	})
	if err := n.fetch(t, secure.URL+"/x"); err != nil {
		t.Fatal(err)
	}
	n.has(t, "x", "HTTP/2.0")
}
