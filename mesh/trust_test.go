package mesh

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"minimega/mesh/wire"
)

func TestTheFirstStartMakesAKeyThatAllFind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "mesh.key")
	keys := make([]Key, 16)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = LoadKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, key := range keys {
		if key != keys[0] || key == (Key{}) {
			t.Fatal("they have different keys")
		}
	}
	for file, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", file, info.Mode(), err)
		}
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
}

func TestAKeyMayBeRawOrHex(t *testing.T) {
	raw := []byte("0123456789abcdef0123456789abcdef")
	for _, content := range [][]byte{raw, []byte(hex.EncodeToString(raw)), []byte(hex.EncodeToString(raw) + "\n")} {
		path := filepath.Join(t.TempDir(), "mesh.key")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if key, err := LoadKey(path); err != nil || key != Key(raw) {
			t.Errorf("%q: %x, %v", content, key, err)
		}
	}
}

func TestAKeyThatIsNotSafeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mesh.key")
	if _, err := LoadKey(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path); !errors.Is(err, ErrKey) || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("readable by all: %v", err)
	}
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	os.Chmod(path, 0o600)
	if _, err := LoadKey(path); !errors.Is(err, ErrKey) {
		t.Errorf("short: %v", err)
	}
	if _, err := LoadKey(filepath.Dir(path)); !errors.Is(err, ErrKey) {
		t.Errorf("a directory: %v", err)
	}
}

func TestOneKeyIsOneAuthority(t *testing.T) {
	a, errA := newTrust(OpenKey("x"))
	b, errB := newTrust(OpenKey("x"))
	c, errC := newTrust(OpenKey("y"))
	if err := errors.Join(errA, errB, errC); err != nil {
		t.Fatal(err)
	}
	if a.pin != b.pin || a.pin == c.pin || a.id == b.id {
		t.Errorf("pins %s %s %s, ids %s %s", a.pin, b.pin, c.pin, a.id, b.id)
	}
	if string(a.cert.Certificate[1]) != string(b.cert.Certificate[1]) {
		t.Error("the authority's certificate is not the same everywhere")
	}
	if got := a.cert.Leaf.URIs[0].String(); got != "mesh://operator/"+a.id.String() {
		t.Errorf("identity %s", got)
	}
	if OpenKey("x").tag("1") == OpenKey("x").tag("2") || len(OpenKey("x").tag("1")) != 16 {
		t.Error("tags do not part contexts")
	}
}

func TestOnlyLeavesOfOurAuthorityAreTrusted(t *testing.T) {
	ours, err := newTrust(OpenKey("x"))
	if err != nil {
		t.Fatal(err)
	}
	other, err := newTrust(OpenKey("y"))
	if err != nil {
		t.Fatal(err)
	}
	chain := func(der ...[]byte) (certs []*x509.Certificate) {
		for _, b := range der {
			cert, err := x509.ParseCertificate(b)
			if err != nil {
				t.Fatal(err)
			}
			certs = append(certs, cert)
		}
		return certs
	}
	leaf, ca := ours.cert.Certificate[0], ours.cert.Certificate[1]
	theirs, theirCA := other.cert.Certificate[0], other.cert.Certificate[1]
	check := func(name string, want bool, certs []*x509.Certificate) {
		err := ours.verify(tls.ConnectionState{PeerCertificates: certs, NegotiatedProtocol: wire.ALPNControl})
		if (err == nil) != want || err != nil && !errors.Is(err, ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("ours", true, chain(leaf, ca))
	check("ours alone", true, chain(leaf))
	check("theirs", false, chain(theirs, theirCA))
	check("theirs beside our authority", false, chain(theirs, ca))
	check("the authority itself", false, chain(ca))
	check("nobody", false, nil)
	if pin := clientPin(ours.pin + sniSuffix); pin != ours.pin {
		t.Errorf("pin %q", pin)
	}
	if pin := clientPin("\x1b[31m12" + sniSuffix); pin != "" {
		t.Errorf("pin %q", pin)
	}
}
