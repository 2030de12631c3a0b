package download

import (
	"bytes"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
)

// counted is a limit that counts what comes, and lets it.
type counted struct {
	net.Conn
	bytes *atomic.Int64
}

func (c counted) Limited(conn net.Conn) net.Conn { return counted{conn, c.bytes} }

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.bytes.Add(int64(n))
	return n, err
}

func TestAllThatComesIsSubjectToTheLimit(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	give := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	plain, secret := httptest.NewServer(give), httptest.NewTLSServer(give)
	defer plain.Close()
	defer secret.Close()
	roots := x509.NewCertPool()
	roots.AddCert(secret.Certificate())
	for _, server := range []*httptest.Server{plain, secret} {
		limit := counted{bytes: new(atomic.Int64)}
		n := new(fabric).add(t, "")
		n.Downloader = New(Config{Store: n.cfg.Store, Mesh: n, Roots: roots, Limit: limit})
		if err := n.fetch(t, server.URL+"/data"); err != nil {
			t.Fatal(err)
		}
		n.has(t, "data", string(data))
		if got := limit.bytes.Load(); got < int64(len(data)) {
			t.Errorf("%s: the limit saw %d bytes of %d", server.URL, got, len(data))
		}
	}
}
