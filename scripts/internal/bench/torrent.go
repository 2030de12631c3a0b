package main

import (
	"crypto/sha1"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// pieceSize is the torrents' piece length, mktorrent's default.
const pieceSize = 256 << 10

// writeTorrent writes the torrent of one file (BEP 3).
func writeTorrent(path, file, announce string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	pieces, err := pieceHashes(f)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(bencode(map[string]any{
		"announce": announce,
		"info": map[string]any{
			"name": filepath.Base(file), "length": info.Size(),
			"piece length": int64(pieceSize), "pieces": pieces,
		},
	})), 0o644)
}

// pieceHashes returns the SHA-1 of each piece, one after another.
func pieceHashes(r io.Reader) (string, error) {
	var all []byte
	piece := make([]byte, pieceSize)
	for {
		n, err := io.ReadFull(r, piece)
		if n > 0 {
			sum := sha1.Sum(piece[:n])
			all = append(all, sum[:]...)
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return string(all), nil
		case err != nil:
			return "", err
		}
	}
}

// bencode encodes strings, int64s and maps of them.
func bencode(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%d:%s", len(v), v)
	case int64:
		return fmt.Sprintf("i%de", v)
	case map[string]any:
		keys := make([]string, 0, len(v))
		for k := range v {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		var b strings.Builder
		b.WriteByte('d')
		for _, k := range keys {
			b.WriteString(bencode(k) + bencode(v[k]))
		}
		b.WriteByte('e')
		return b.String()
	}
	panic(fmt.Sprintf("bencode: %T", v))
}

// tracker introduces the peers of one torrent to each other.
type tracker struct {
	mu    sync.Mutex
	peers map[string]string // peer ID → compact address
}

func newTracker() *tracker { return &tracker{peers: map[string]string{}} }

// count returns how many peers have announced themselves.
func (t *tracker) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.peers)
}

// serve answers announcements until the function that it returns is called.
func (t *tracker) serve(l net.Listener) (stop func()) {
	server := &http.Server{Handler: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // ends by Close
	}()
	return func() {
		server.Close()
		<-done
	}
}

// ServeHTTP answers one announcement with all other peers (BEP 23).
func (t *tracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	port, perr := strconv.ParseUint(r.FormValue("port"), 10, 16)
	if err != nil || perr != nil {
		http.Error(w, "bad announcement", http.StatusBadRequest)
		return
	}
	address := binary.BigEndian.AppendUint16(from.Addr().Unmap().AsSlice(), uint16(port))
	t.mu.Lock()
	t.peers[r.FormValue("peer_id")] = string(address)
	var others strings.Builder
	for id, peer := range t.peers {
		if id != r.FormValue("peer_id") {
			others.WriteString(peer)
		}
	}
	t.mu.Unlock()
	io.WriteString(w, bencode(map[string]any{"interval": int64(2), "min interval": int64(1), "peers": others.String()}))
}
