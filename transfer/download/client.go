package download

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"
)

const (
	maxRedirects = 5
	maxHeader    = 64 << 10 // bytes of an answer's header
	maxRoots     = 16 << 20 // bytes of a file of roots
)

// timeouts bound what a server may take its time for.
type timeouts struct {
	connect time.Duration // TCP, and TLS after it
	header  time.Duration // until the answer's header is there
	stall   time.Duration // without a byte of the body
	retry   time.Duration // before the first try again; doubles
}

func defaultTimeouts() timeouts {
	return timeouts{connect: 10 * time.Second, header: 30 * time.Second, stall: 30 * time.Second, retry: 500 * time.Millisecond}
}

// client speaks HTTP. It is safe for concurrent use.
type client struct {
	transport http.RoundTripper
	allow     Allow
	times     timeouts
	limit     Limit // nil: none
}

func newClient(allow Allow, roots *x509.CertPool, times timeouts) *client {
	proxy := httpproxy.FromEnvironment().ProxyFunc()
	dialer := &net.Dialer{Timeout: times.connect, Control: func(_, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%s: %w", address, err)
		}
		return allow.Check(to.Addr())
	}}
	c := &client{allow: allow, times: times}
	c.transport = &http.Transport{
		Proxy:                  func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:            c.limited(dialer.DialContext),
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    times.connect,
		ResponseHeaderTimeout:  times.header,
		MaxResponseHeaderBytes: maxHeader,
		DisableKeepAlives:      true, // so that nothing stays when a download has ended
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	return c
}

// Roots returns the system's certificates and those in a PEM file; nil, which
// is the system's, where file is "".
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close() // only read
	pem, err := io.ReadAll(io.LimitReader(f, maxRoots))
	if err != nil {
		return nil, err
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: must hold certificates in PEM, but holds none", file)
	}
	return pool, nil
}

// get asks for what asked says of u, which is of what tag stands for, and follows
// redirects. The caller closes the body.
func (c *client) get(ctx context.Context, u URL, asked span, tag string) (*http.Response, error) {
	at := u.target
	for range maxRedirects + 1 {
		if addr, err := netip.ParseAddr(at.Hostname()); err == nil {
			if err := c.allow.Check(addr); err != nil {
				return nil, err
			}
		}
		resp, err := c.transport.RoundTrip(request(ctx, u, at, asked, tag))
		if err != nil {
			return nil, bare(err, at.Scheme == "https")
		}
		if !redirects(resp.StatusCode) {
			return resp, nil
		}
		location := resp.Header.Get("Location")
		if err := resp.Body.Close(); err != nil {
			return nil, err
		}
		if at, err = follow(at, location); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
}

// bare returns err without what the dialer says around an address that is not
// allowed, and says what a bare EOF means.
func bare(err error, secure bool) error {
	var op *net.OpError
	switch {
	case errors.Is(err, ErrNotAllowed) && errors.As(err, &op):
		return op.Err
	case secure && errors.Is(err, io.EOF):
		return fmt.Errorf("the server closed the connection: does it speak https?: %w", err)
	case errors.Is(err, io.EOF):
		return fmt.Errorf("the server closed the connection before it answered: %w", err)
	}
	return err
}

// request returns a request for u at the address that redirects have led to.
// Credentials are for the URL's own server.
func request(ctx context.Context, u URL, at url.URL, asked span, tag string) *http.Request {
	r := (&http.Request{Method: http.MethodGet, URL: &at, Header: http.Header{}}).WithContext(ctx)
	r.Header.Set("User-Agent", "minimega")
	r.Header.Set("Accept-Encoding", "identity")
	if !asked.all() {
		r.Header.Set("Range", asked.String())
		r.Header.Set("If-Range", tag)
	}
	if u.user != nil && at.Scheme == u.target.Scheme && at.Host == u.target.Host {
		password, _ := u.user.Password()
		r.SetBasicAuth(u.user.Username(), password)
	}
	return r
}

func redirects(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow returns where a redirect from at leads. What it says is shown without
// its query, which often holds a token.
func follow(at url.URL, location string) (url.URL, error) {
	to, err := at.Parse(location)
	if location == "" || err != nil {
		return at, fmt.Errorf("%w: to what is no URL", ErrRedirect)
	}
	to.User = nil
	if to.Scheme != "http" && to.Scheme != "https" {
		return at, fmt.Errorf("%w: to %.20q: must be to http or https", ErrRedirect, to.Scheme+":")
	}
	if to.Hostname() == "" || to.Opaque != "" {
		return at, fmt.Errorf("%w: to what names no host", ErrRedirect)
	}
	if at.Scheme == "https" && to.Scheme == "http" {
		return at, fmt.Errorf("%w: from https to http on %.80q", ErrRedirect, to.Host)
	}
	return *to, nil
}

// again reports whether err may go away when it is tried again.
func again(err error) bool {
	var status StatusError
	var network net.Error
	switch {
	case errors.As(err, &status):
		return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests ||
			status >= 500 && status != http.StatusNotImplemented && status != http.StatusHTTPVersionNotSupported
	case errors.Is(err, ErrNotAllowed), errors.Is(err, ErrBadAnswer), errors.Is(err, ErrRedirect), errors.Is(err, errKeeping):
		return false
	}
	return errors.Is(err, errBroken) || errors.Is(err, errStalled) || errors.Is(err, io.EOF) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network)
}
