package download

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"minimega/transfer/store"
)

// memory is a sink.
type memory struct {
	stamp store.Stamp
	data  []byte
}

func (m *memory) Stamp() store.Stamp        { return m.stamp }
func (m *memory) Held() int64               { return int64(len(m.data)) }
func (m *memory) Lacks() int64              { return m.stamp.Size }
func (m *memory) Begin(s store.Stamp) error { m.stamp, m.data = s, nil; return nil }
func (m *memory) Write(b []byte) (int, error) {
	m.data = append(m.data, b...)
	return len(b), nil
}

// answering is a transport that gives one answer.
type answering struct{ resp *http.Response }

func (a answering) RoundTrip(*http.Request) (*http.Response, error) { return a.resp, nil }

// FuzzHTTPRange: whatever a server answers to a request for the rest of a file,
// what is taken as whole is either all of its body, or what was held and a body
// that it says is just the rest of the same version.
func FuzzHTTPRange(f *testing.F) {
	const one = `"one"`
	f.Add(uint16(4), uint16(206), "bytes 4-9/10", one, "", int64(6), []byte("456789"))
	f.Add(uint16(4), uint16(206), "bytes 0-9/10", one, "", int64(10), []byte("0123456789"))
	f.Add(uint16(4), uint16(206), "bytes 4-9/10", `"two"`, "", int64(6), []byte("456789"))
	f.Add(uint16(4), uint16(206), "bytes 4-9/11", one, "", int64(-1), []byte("456789"))
	f.Add(uint16(4), uint16(206), "bytes 4-9/*", one, "", int64(-1), []byte("4567"))
	f.Add(uint16(4), uint16(206), "bytes +4-9/10", one, "", int64(6), []byte("456789"))
	f.Add(uint16(4), uint16(206), "", "", "", int64(6), []byte("456789"))
	f.Add(uint16(4), uint16(200), "bytes 4-9/10", `"two"`, "", int64(3), []byte("abc"))
	f.Add(uint16(4), uint16(200), "", `W/"two"`, "", int64(-1), []byte("abc"))
	f.Add(uint16(4), uint16(200), "", "", "gzip", int64(3), []byte("abc"))
	f.Add(uint16(0), uint16(206), "bytes 0-9/10", one, "", int64(10), []byte("0123456789"))
	f.Add(uint16(4), uint16(416), "bytes */10", "", "", int64(0), []byte(nil))
	f.Add(uint16(4), uint16(404), "", "", "", int64(4), []byte("page"))
	const size = 10
	u, err := ParseURL("http://h/x")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, held, status uint16, span, etag, encoding string, length int64, body []byte) {
		had := []byte("0123456789")[:held%size]
		m := &memory{store.Stamp{Size: size, Tag: one}, bytes.Clone(had)}
		c := &client{times: quick(), transport: answering{&http.Response{
			StatusCode: int(status), ProtoMajor: 2, ContentLength: max(length, -1), Body: io.NopCloser(bytes.NewReader(body)),
			Header: http.Header{"Content-Range": {span}, "Etag": {etag}, "Content-Encoding": {encoding}},
		}}}
		if err := c.attempt(t.Context(), u, m); err != nil {
			return
		}
		whole := status == 200 && bytes.Equal(m.data, body) && (length < 0 || length == int64(len(body)))
		rest := status == 206 && len(had) > 0 && etag == one && span == fmt.Sprintf("bytes %d-%d/%d", len(had), size-1, size) &&
			len(had)+len(body) == size && bytes.Equal(m.data, append(had, body...))
		if !whole && !rest {
			t.Fatalf("taken as whole: %q", m.data)
		}
	})
}

// FuzzParseURL: a URL that is taken has a clean name, and shows no credentials.
func FuzzParseURL(f *testing.F) {
	for _, raw := range []string{
		"http://host/releases/14.04/x.img", "https://u:p@host:8080/a%20b", "http://host/../x", "http://host/%2e%2e/x", "http://host/a%2fb",
		"http://host/x?y", "HTTP://host/x#y", "file:///etc/passwd", "http:///x", "http:x", "http://[fe80::1%25eth0]/x", "http://host/a*",
	} {
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := ParseURL(raw)
		if err != nil {
			return
		}
		again, err := ParseURL(u.String())
		if err != nil || again.Name != u.Name || again.user != nil || u.Name == "" {
			t.Fatalf("%q: %q, then %q, %v", raw, u.Name, again.Name, err)
		}
	})
}
