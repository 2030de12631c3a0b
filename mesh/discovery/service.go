package discovery

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"minimega/mesh/wire"
)

// Names of the service (RFC 6763).
const (
	serviceType = "_minimega._tcp"
	serviceName = serviceType + ".local."
)

// Limits of an answer; ours has about ten records in 600 bytes.
const (
	maxAnswer        = 9000 // bytes, as RFC 6762 section 17 has it
	maxAnswerRecords = 128
	maxAnswerNodes   = 8   // entries taken from one answer: reflectors join some
	maxTXTString     = 255 // bytes (RFC 1035)
	maxTXTAddrs      = 240 // bytes of addresses in one TXT string
	maxTag           = 62  // bytes: a DNS label with its underscore
)

var (
	errNotAnswer = errors.New("not an answer to this question")
	errBadEntry  = errors.New("bad entry")
)

// taggedName returns the subtype of the service (RFC 6763 section 7.1) that
// only the nodes with this tag answer to.
func taggedName(tag string) string { return "_" + tag + "._sub." + serviceName }

// checkTag returns an error if tag cannot be a DNS label.
func checkTag(tag string) error {
	if tag == "" || len(tag) > maxTag || strings.Trim(tag, "0123456789abcdefABCDEF") != "" {
		return fmt.Errorf("tag: must be 1 to %d hex digits, but is %q", maxTag, tag)
	}
	return nil
}

// instanceLabel returns the DNS label of a node: its name, for people who browse
// the network, made unique by a part of its id.
func instanceLabel(self Announcement) string {
	name := strings.ReplaceAll(string(self.Name), ".", "-")
	const most = 40
	return name[:min(len(name), most)] + "-" + self.ID.String()[:8]
}

// An entry is what one node's TXT record says.
type entry struct {
	id    wire.NodeID
	name  wire.NodeName // "" if there is none
	tag   string
	port  uint16
	addrs []netip.Addr // at most MaxAddrs, without zone, not yet judged
}

// formatTXT returns the strings of self's TXT record. A name that does not fit
// in one is left out, as are link-local IPv6 addresses: whoever gets the answer
// over such an address sees it as the answer's source.
func formatTXT(self Announcement, addrs []netip.Addr) []string {
	txt := []string{
		"id=" + self.ID.String(),
		"tag=" + self.Tag,
		"port=" + strconv.Itoa(self.Port),
		"proto=" + strconv.Itoa(wire.Protocol),
	}
	if name := "name=" + string(self.Name); len(name) <= maxTXTString {
		txt = append(txt, name)
	}
	line := ""
	for _, a := range addrs[:min(len(addrs), MaxAddrs)] {
		if a.Is6() && a.IsLinkLocalUnicast() {
			continue
		}
		s := a.WithZone("").String()
		if line != "" && len(line)+1+len(s) > maxTXTAddrs {
			txt, line = append(txt, "addr="+line), ""
		}
		if line != "" {
			line += ","
		}
		line += s
	}
	if line != "" {
		txt = append(txt, "addr="+line)
	}
	return txt
}

// parseTXT is the inverse of [formatTXT]. Unknown keys are skipped, as are
// addresses that are none; of a doubled key the first counts, except for addr,
// which may stand more than once. Every error wraps errBadEntry.
func parseTXT(txt []string) (entry, error) {
	var e entry
	fields := make(map[string]string)
	for _, s := range txt {
		key, value, _ := strings.Cut(s, "=")
		if key == "addr" {
			e.addAddrs(value)
		} else if _, doubled := fields[key]; !doubled {
			fields[key] = value
		}
	}
	var err error
	if e.id, err = parseID(fields["id"]); err != nil {
		return entry{}, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	if e.port, err = parsePort(fields["port"]); err != nil {
		return entry{}, fmt.Errorf("%w: %w", errBadEntry, err)
	}
	if name := fields["name"]; name != "" {
		if e.name, err = wire.ParseNodeName(name); err != nil {
			return entry{}, fmt.Errorf("%w: %w", errBadEntry, err)
		}
	}
	e.tag = fields["tag"]
	return e, nil
}

func (e *entry) addAddrs(list string) {
	for s := range strings.SplitSeq(list, ",") {
		if len(e.addrs) == MaxAddrs {
			return
		}
		if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
			e.addrs = append(e.addrs, a)
		}
	}
}

// hint returns e as a hint; from is the address that it came from on l, which is
// the one address of the node that has been seen to work. Where that is of IPv6,
// one of IPv4 in a network of l's goes before it: every packet has 20 bytes more
// of content, and links keep the address that they were dialled at.
func (e *entry) hint(from netip.Addr, l *link) Hint {
	var list addrList
	add := func(a netip.Addr) { list.add(netip.AddrPortFrom(a, e.port)) }
	if from.Is6() {
		for _, a := range e.addrs {
			if l.near(a.Unmap()) {
				add(a)
			}
		}
	}
	add(from)
	for _, a := range e.addrs {
		add(a)
	}
	return Hint{ID: e.id, Name: e.name, Addrs: list, Source: "mdns"}
}

// formatQuestion returns the packet that asks the nodes of tag to answer to its
// sender alone; their answers carry id.
func formatQuestion(tag string, id uint16) ([]byte, error) {
	const unicastAnswer = 1 << 15 // RFC 6762 section 5.4
	m := dns.Msg{
		MsgHdr: dns.MsgHdr{Id: id},
		Question: []dns.Question{{
			Name:   taggedName(tag),
			Qtype:  dns.TypePTR,
			Qclass: dns.ClassINET | unicastAnswer,
		}},
	}
	return m.Pack()
}

// parseAnswer returns the entries of the service in an answer to the question
// of that id. What is no such answer is refused before it is decoded, wrapping
// errNotAnswer; entries that do not parse are skipped.
func parseAnswer(packet []byte, id uint16) ([]entry, error) {
	const header, response = 12, 0x80
	if len(packet) < header || len(packet) > maxAnswer ||
		binary.BigEndian.Uint16(packet) != id || packet[2]&response == 0 {
		return nil, errNotAnswer
	}
	records := 0
	for at := 4; at < header; at += 2 {
		records += int(binary.BigEndian.Uint16(packet[at:]))
	}
	if records > maxAnswerRecords {
		return nil, fmt.Errorf("%w: %d records, at most %d", errNotAnswer, records, maxAnswerRecords)
	}
	var m dns.Msg
	if err := m.Unpack(packet); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotAnswer, err)
	}
	var entries []entry
	for _, rr := range append(m.Answer, m.Extra...) {
		txt, ok := rr.(*dns.TXT)
		if !ok || !strings.HasSuffix(strings.ToLower(txt.Hdr.Name), "."+serviceName) {
			continue
		}
		if e, err := parseTXT(txt.Txt); err == nil && len(entries) < maxAnswerNodes {
			entries = append(entries, e)
		}
	}
	return entries, nil
}
