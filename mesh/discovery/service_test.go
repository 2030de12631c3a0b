package discovery

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
	"golang.org/x/time/rate"

	"minimega/mesh/wire"
)

const testTag = "a1b2c3d4e5f60718"

func testSelf(n byte) Announcement {
	return Announcement{ID: wire.NodeID{n, 0xcd}, Name: "kn1", Tag: testTag, Port: 9000, Context: "minimega"}
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func TestTXTSaysWhoAndWhere(t *testing.T) {
	got := formatTXT(testSelf(0xab), addrs("10.0.0.1", "fd00::1", "fe80::1"))
	want := []string{
		"id=abcd0000000000000000000000000000",
		"tag=a1b2c3d4e5f60718",
		"port=9000",
		"proto=1",
		"name=kn1",
		"addr=10.0.0.1,fd00::1", // no link-local: the answer's source tells it
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestTXTOfLongNamesAndManyAddressesFits(t *testing.T) {
	self := testSelf(1)
	self.Name = wire.NodeName(strings.Repeat("n", wire.MaxNodeName))
	var many []netip.Addr
	for i := range 40 {
		a := netip.MustParseAddr("2001:db8:1111:2222:3333:4444:5555:6600").As16()
		a[15] = byte(i)
		many = append(many, netip.AddrFrom16(a))
	}
	txt := formatTXT(self, many)
	for _, s := range txt {
		if len(s) > maxTXTString {
			t.Errorf("%d bytes: %q", len(s), s)
		}
	}
	e, err := parseTXT(txt)
	if err != nil || !slices.Equal(e.addrs, many[:MaxAddrs]) || e.name != "" {
		t.Errorf("read back as %+v, %v", e, err)
	}
	if label := instanceLabel(self); len(label) > 63 {
		t.Errorf("instance label of %d bytes", len(label))
	}
}

func TestBadTXTIsRefused(t *testing.T) {
	good := formatTXT(testSelf(1), addrs("10.0.0.1"))
	if _, err := parseTXT(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"id=", "id=00", "id=zz000000000000000000000000000000", "id=" + wire.NodeID{}.String(),
		"port=", "port=0", "port=65536", "port=-1", "port=http",
		"name=a b", "name=\x1b[2J", "name=all", "name=-x", "name=../x",
	} {
		if _, err := parseTXT(append([]string{bad}, good...)); !errors.Is(err, errBadEntry) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func TestHintPutsTheSourceFirstAndLeavesOutWhatCannotBeDialled(t *testing.T) {
	e := entry{id: wire.NodeID{1}, port: 9000, addrs: addrs("127.0.0.1", "0.0.0.0", "224.0.0.1",
		"255.255.255.255", "::1", "fe80::7", "::ffff:10.0.0.9", "10.0.0.1", "10.0.0.2", "fd00::1")}
	got := e.hint(netip.MustParseAddr("10.0.0.2"), &link{}).Addrs
	want := []netip.AddrPort{
		netip.MustParseAddrPort("10.0.0.2:9000"), netip.MustParseAddrPort("10.0.0.9:9000"),
		netip.MustParseAddrPort("10.0.0.1:9000"), netip.MustParseAddrPort("[fd00::1]:9000"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := e.hint(netip.MustParseAddr("fe80::7%eth0"), &link{}).Addrs[0].String(); got != "[fe80::7%eth0]:9000" {
		t.Errorf("link-local source became %s", got)
	}
}

func TestHintPutsIPv4OfTheSameNetworkBeforeIPv6(t *testing.T) {
	e := entry{id: wire.NodeID{1}, port: 9000, addrs: addrs("192.168.7.1", "10.0.0.1", "fd00::1")}
	l := &link{nets: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("fd00::/64")}}
	got := e.hint(netip.MustParseAddr("fe80::7%eth0"), l).Addrs
	want := []netip.AddrPort{
		netip.MustParseAddrPort("10.0.0.1:9000"), netip.MustParseAddrPort("[fe80::7%eth0]:9000"),
		netip.MustParseAddrPort("192.168.7.1:9000"), netip.MustParseAddrPort("[fd00::1]:9000"),
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// answerOf returns what the zone of self says to the question in packet.
func answerOf(t testing.TB, self Announcement, question []byte) []byte {
	t.Helper()
	var q dns.Msg
	if err := q.Unpack(question); err != nil {
		t.Fatal(err)
	}
	service, err := mdns.NewMDNSService(instanceLabel(self), serviceType, "local.", "h.local.",
		self.Port, []net.IP{net.IPv4(10, 0, 0, 1)}, formatTXT(self, addrs("10.0.0.1")))
	if err != nil {
		t.Fatal(err)
	}
	z := newZone(self.Tag)
	z.service.Store(service)
	reply := dns.Msg{MsgHdr: dns.MsgHdr{Id: q.Id, Response: true}, Compress: true, Answer: z.Records(q.Question[0])}
	packet, err := reply.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return packet
}

func TestNodesOfOneTagAnswerEachOther(t *testing.T) {
	question, err := formatQuestion(testTag, 77)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := parseAnswer(answerOf(t, testSelf(1), question), 77)
	if err != nil || len(entries) != 1 || entries[0].id != (wire.NodeID{1, 0xcd}) || entries[0].tag != testTag {
		t.Errorf("got %+v, %v", entries, err)
	}
	other := testSelf(2)
	other.Tag = "ffff"
	if entries, err := parseAnswer(answerOf(t, other, question), 77); err != nil || len(entries) != 0 {
		t.Errorf("a node of another mesh answered: %+v, %v", entries, err)
	}
}

func TestAnswersToOtherQuestionsAreNotDecoded(t *testing.T) {
	question, err := formatQuestion(testTag, 77)
	if err != nil {
		t.Fatal(err)
	}
	good := answerOf(t, testSelf(1), question)
	crowded := slices.Clone(good)
	binary.BigEndian.PutUint16(crowded[6:], 60000)
	for name, packet := range map[string][]byte{
		"empty": {}, "header only": good[:11], "a question": question,
		"cut": good[:len(good)-3], "records over the limit": crowded, "too long": make([]byte, maxAnswer+1),
	} {
		if _, err := parseAnswer(packet, 77); !errors.Is(err, errNotAnswer) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := parseAnswer(good, 78); !errors.Is(err, errNotAnswer) {
		t.Errorf("another id: got %v", err)
	}
}

func TestPublicQuestionsDoNotCrowdOutTheMesh(t *testing.T) {
	z := newZone(testTag)
	z.kin, z.public = rate.NewLimiter(0, 5), rate.NewLimiter(0, 2)
	service, err := mdns.NewMDNSService("x", serviceType, "local.", "h.local.", 9000, []net.IP{net.IPv4(10, 0, 0, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	z.service.Store(service)
	count := func(name string) (answered int) {
		for range 10 {
			if len(z.Records(dns.Question{Name: name, Qtype: dns.TypePTR})) > 0 {
				answered++
			}
		}
		return answered
	}
	if n := count("_http._tcp.local."); n != 0 {
		t.Errorf("%d answers about another service", n)
	}
	if public, kin := count(serviceName), count(taggedName(testTag)); public != 2 || kin != 5 {
		t.Errorf("%d public answers and %d to the mesh, want 2 and 5", public, kin)
	}
}

func TestOneAddressCannotInventManyNodes(t *testing.T) {
	r, err := newRound(testTag)
	if err != nil {
		t.Fatal(err)
	}
	liar, honest := netip.MustParseAddr("10.0.0.66"), netip.MustParseAddr("10.0.0.1")
	accepted := 0
	for i := range 1000 {
		e := entry{id: wire.NodeID{1, byte(i), byte(i >> 8)}, tag: testTag, port: 1}
		if r.accept(&e, liar) {
			accepted++
		}
	}
	if accepted != maxFromHost {
		t.Errorf("%d nodes accepted from one address, want %d", accepted, maxFromHost)
	}
	e := entry{id: wire.NodeID{2}, tag: testTag, port: 1}
	if !r.accept(&e, honest) || r.accept(&e, honest) {
		t.Error("an honest node must be accepted, once")
	}
	for i := range 5000 {
		r.accept(&entry{id: wire.NodeID{3}, tag: testTag}, netip.AddrFrom4([4]byte{10, 1, byte(i), byte(i >> 8)}))
	}
	if len(r.seen) > maxRoundNodes || len(r.perHost) > maxRoundNodes {
		t.Errorf("%d nodes and %d hosts kept", len(r.seen), len(r.perHost))
	}
}

// Whatever a packet says, what is made of it may be shown and dialled.
func FuzzMDNSEntry(f *testing.F) {
	question, err := formatQuestion(testTag, 77)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(answerOf(f, testSelf(1), question))
	f.Add(question)
	txt := dns.TXT{Hdr: dns.RR_Header{Name: "x." + serviceName, Rrtype: dns.TypeTXT, Class: dns.ClassINET},
		Txt: []string{"id=" + strings.Repeat("1", 32), "port=9000", "name=kn1", "addr=10.0.0.1,fe80::1,::,1.2.3.4.5"}}
	hostile, err := (&dns.Msg{MsgHdr: dns.MsgHdr{Id: 77, Response: true}, Answer: []dns.RR{&txt}}).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hostile)
	f.Fuzz(func(t *testing.T, packet []byte) {
		entries, err := parseAnswer(packet, 77)
		if err != nil && !errors.Is(err, errNotAnswer) || len(entries) > maxAnswerNodes {
			t.Fatalf("%d entries, %v", len(entries), err)
		}
		for _, e := range entries {
			checkHint(t, e.hint(netip.MustParseAddr("10.0.0.1"), &link{}))
			if e.id.IsZero() {
				t.Error("zero id")
			}
		}
	})
}

// checkHint fails unless h is fit to be dialled and shown.
func checkHint(t *testing.T, h Hint) {
	t.Helper()
	if len(h.Addrs) == 0 || len(h.Addrs) > MaxAddrs {
		t.Errorf("%d addresses", len(h.Addrs))
	}
	for _, a := range h.Addrs {
		if a.Port() == 0 || !dialable(a.Addr()) || a.Addr().Is4In6() {
			t.Errorf("address %v", a)
		}
	}
	if h.Name != "" {
		if _, err := wire.ParseNodeName(string(h.Name)); err != nil {
			t.Error(err)
		}
	}
}
