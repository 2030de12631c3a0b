package discovery

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/netip"
	"time"

	"minimega/mesh/wire"
)

// The cache file is text: a first line that tells the format, then one JSON
// object a peer, the one reached last at the end.
//
//	minimega-peers 1
//	{"id":"0c1d…","name":"kn1","tag":"a1b2…","addrs":["10.0.0.1:9000"],"seen":1790000000}
const (
	cacheHeader  = "minimega-peers 1"
	maxPeers     = 1024
	maxPeerLine  = 4 << 10            // bytes
	maxCacheFile = maxPeers * 2 << 10 // bytes read; a peer has at most about 1 KiB
)

// A peer is one line of the cache file.
type peer struct {
	ID    string           `json:"id,omitempty"`
	Name  string           `json:"name,omitempty"`
	Tag   string           `json:"tag"`
	Addrs []netip.AddrPort `json:"addrs"` // at least one
	Seen  int64            `json:"seen"`  // Unix time in s at which it was reached
}

// newPeer returns h as a peer, and false if it names no address of another
// host.
func newPeer(h Hint, now time.Time) (peer, bool) {
	var list addrList
	for _, a := range h.Addrs {
		list.add(a)
	}
	p := peer{Name: string(h.Name), Addrs: list, Seen: now.Unix()}
	if !h.ID.IsZero() {
		p.ID = h.ID.String()
	}
	return p, len(list) > 0
}

// hint returns p as a hint, without an id or a name that does not parse.
func (p *peer) hint() Hint {
	h := Hint{Source: "cache"}
	if id, err := parseID(p.ID); err == nil {
		h.ID = id
	}
	if name, err := wire.ParseNodeName(p.Name); err == nil {
		h.Name = name
	}
	var list addrList
	for _, a := range p.Addrs {
		list.add(a)
	}
	h.Addrs = list
	return h
}

// same reports whether p and q are of one mesh and one node, or stand for one
// place: a node gets a new id each time it starts.
func (p *peer) same(q *peer) bool {
	return p.Tag == q.Tag && (p.ID != "" && p.ID == q.ID || p.Addrs[0] == q.Addrs[0])
}

// formatPeers returns the contents of a cache file.
func formatPeers(peers []peer) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(cacheHeader + "\n")
	enc := json.NewEncoder(&b) // ends each value with a line feed
	for _, p := range peers {
		if err := enc.Encode(p); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}

// parsePeers returns the peers in a cache file: the last maxPeers of its first
// maxCacheFile bytes. Damaged lines are skipped; what does not begin as a cache
// file, or is of another version, has none.
func parsePeers(r io.Reader) []peer {
	lines := bufio.NewScanner(io.LimitReader(r, maxCacheFile))
	lines.Buffer(nil, maxPeerLine)
	if !lines.Scan() || lines.Text() != cacheHeader {
		return nil
	}
	var peers []peer
	for lines.Scan() {
		if p, ok := parsePeer(lines.Bytes()); ok {
			peers = append(peers, p)
		}
	}
	return peers[max(0, len(peers)-maxPeers):]
}

func parsePeer(line []byte) (peer, bool) {
	var p peer
	if err := json.Unmarshal(line, &p); err != nil || checkTag(p.Tag) != nil {
		return p, false
	}
	h := p.hint()
	p.Addrs = h.Addrs
	return p, len(h.Addrs) > 0
}
