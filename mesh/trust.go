package mesh

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"time"

	"minimega/mesh/wire"
)

// ErrForeign reports a node that belongs to another mesh, or is no node.
var ErrForeign = errors.New("another mesh")

// ForeignError says whose key the other side has. It wraps [ErrForeign].
type ForeignError struct {
	Node string // as it was dialled, or its address
	Pin  string // of its mesh; empty where it showed none
	Ours string
}

func (e *ForeignError) Error() string {
	if e.Pin == "" {
		return fmt.Sprintf("%s is no node of this mesh (ours has pin %s): it showed no certificate of a mesh", e.Node, e.Ours)
	}
	return fmt.Sprintf("%s belongs to another mesh (pin %s, ours %s): copy its mesh.key here or ours there, and start again", e.Node, e.Pin, e.Ours)
}

// Unwrap returns [ErrForeign].
func (e *ForeignError) Unwrap() error { return ErrForeign }

// Certificates are valid at any time that a clock may show.
var (
	notBefore = time.Unix(0, 0)
	notAfter  = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	anyTime   = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// sniSuffix follows the pin in the server name that a client asks for, by which
// a server can tell a client that refuses it why.
const sniSuffix = ".mesh.minimega"

// trust is who we are, and how we know who belongs to us. It is immutable.
type trust struct {
	id   wire.NodeID
	pin  string // of the mesh: names its authority's public key in logs
	pool *x509.CertPool
	cert tls.Certificate // our leaf, followed by the authority
}

// newTrust derives the authority from key and mints a leaf with it.
func newTrust(key Key) (*trust, error) {
	seed, err := key.derive("authority")
	if err != nil {
		return nil, err
	}
	authority := ed25519.NewKeyFromSeed(seed)
	ca, err := makeAuthority(authority)
	if err != nil {
		return nil, fmt.Errorf("mesh authority: %w", err)
	}
	t := &trust{pin: pinOf(ca), pool: x509.NewCertPool()}
	t.pool.AddCert(ca)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	leaf, err := makeLeaf(public, ca, authority)
	if err != nil {
		return nil, fmt.Errorf("node certificate: %w", err)
	}
	t.id = idOf(leaf)
	t.cert = tls.Certificate{Certificate: [][]byte{leaf.Raw, ca.Raw}, PrivateKey: private, Leaf: leaf}
	return t, nil
}

// makeAuthority returns the certificate of the mesh's authority: the same bytes
// on every node of it.
func makeAuthority(key ed25519.PrivateKey) (*x509.Certificate, error) {
	return sign(&x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "minimega mesh"},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		KeyUsage:              x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}, nil, key.Public(), key)
}

func makeLeaf(public ed25519.PublicKey, ca *x509.Certificate, key ed25519.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, err
	}
	return sign(&x509.Certificate{
		SerialNumber: serial,
		NotBefore:    notBefore,
		NotAfter:     notAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		URIs:         []*url.URL{identityURI(hashID(spki))},
	}, ca, public, key)
}

// sign returns template signed by key; a nil parent is the template itself.
func sign(template, parent *x509.Certificate, public any, key ed25519.PrivateKey) (*x509.Certificate, error) {
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

// identityURI names a node and its role, the only one that this version knows.
func identityURI(id wire.NodeID) *url.URL {
	return &url.URL{Scheme: "mesh", Host: "operator", Path: "/" + id.String()}
}

// hashID returns the id that belongs to a DER encoded SubjectPublicKeyInfo.
func hashID(spki []byte) wire.NodeID {
	sum := sha256.Sum256(spki)
	return wire.NodeID(sum[:16])
}

func idOf(cert *x509.Certificate) wire.NodeID { return hashID(cert.RawSubjectPublicKeyInfo) }

// pinOf names an authority by its public key.
func pinOf(ca *x509.Certificate) string {
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	return hex.EncodeToString(sum[:4])
}

// server returns the configuration of accepted connections.
func (t *trust) server() *tls.Config {
	return &tls.Config{
		Certificates:           []tls.Certificate{t.cert},
		ClientAuth:             tls.RequireAnyClientCert,
		MinVersion:             tls.VersionTLS13,
		NextProtos:             []string{wire.ALPNControl, wire.ALPNData},
		SessionTicketsDisabled: true,

		DynamicRecordSizingDisabled: true, // bulk, not web pages
		VerifyConnection:            t.verify,
	}
}

// client returns the configuration of a connection that speaks protocol. Host
// names mean nothing here, so t.verify does all of the checking.
func (t *trust) client(protocol string) *tls.Config {
	return &tls.Config{
		Certificates:       []tls.Certificate{t.cert},
		ServerName:         t.pin + sniSuffix,
		InsecureSkipVerify: true,
		MinVersion:         tls.VersionTLS13,
		NextProtos:         []string{protocol},

		DynamicRecordSizingDisabled: true,
		VerifyConnection:            t.verify,
	}
}

// verify accepts leaves of our own authority only, whatever the clock says. The
// error is a *[ForeignError] without a node.
func (t *trust) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return &ForeignError{Ours: t.pin}
	}
	if state.NegotiatedProtocol == "" {
		return fmt.Errorf("%w: it asked for no protocol of ours", ErrForeign)
	}
	leaf := state.PeerCertificates[0]
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:       t.pool,
		CurrentTime: anyTime,
		KeyUsages:   []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return &ForeignError{Pin: foreignPin(state.PeerCertificates), Ours: t.pin}
	}
	if leaf.IsCA || len(leaf.URIs) != 1 || leaf.URIs[0].String() != identityURI(idOf(leaf)).String() {
		return fmt.Errorf("%w: its certificate names no node", ErrForeign)
	}
	return nil
}

// foreignPin returns the pin of the authority in a chain that we do not trust,
// or nothing.
func foreignPin(chain []*x509.Certificate) string {
	last := chain[len(chain)-1]
	if !last.IsCA {
		return ""
	}
	return pinOf(last)
}

// clientPin returns the pin in the server name that a client asked for, or
// nothing where it is not of the form that [trust.client] sends.
func clientPin(serverName string) string {
	pin, ok := strings.CutSuffix(serverName, sniSuffix)
	if _, err := hex.DecodeString(pin); !ok || err != nil || len(pin) != 8 {
		return ""
	}
	return pin
}

// peerID returns who is at the other end of a connection whose handshake is
// done.
func peerID(conn *tls.Conn) wire.NodeID {
	return idOf(conn.ConnectionState().PeerCertificates[0])
}
