package discovery

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"
	"golang.org/x/time/rate"

	"minimega/mesh/wire"
)

// The test binary plays one of these roles where roleVariable holds a role in
// JSON, until its standard input ends.
const roleVariable = "DISCOVERY_TEST_ROLE"

// role is what a process in a network namespace does.
type role struct {
	Self  Announcement
	Forge int // 0: a node; otherwise a forger of that many nodes an answer
}

// event is one line of what a node tells its test.
type event struct {
	Hint       *Hint
	FirstRound bool
	End        *end
}

// end is what a node says at last.
type end struct {
	Log      string
	HeapSys  uint64 // bytes
	LeftOver int    // goroutines beyond those before Run
}

func playRole(text string) int {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	play := playNode
	if r.Forge > 0 {
		play = playForger
	}
	if err := play(ctx, r); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// playNode runs a Discovery by mDNS alone.
func playNode(ctx context.Context, r role) error {
	var log bytes.Buffer
	d := New(Config{MDNS: true, Log: slog.New(slog.NewTextHandler(&log, nil))})
	var mu sync.Mutex
	out := json.NewEncoder(os.Stdout)
	tell := func(e event) {
		mu.Lock()
		defer mu.Unlock()
		out.Encode(e)
	}
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-d.FirstRound():
			tell(event{FirstRound: true})
		case <-ctx.Done():
		}
	})
	before := runtime.NumGoroutine()
	err := d.Run(ctx, r.Self, func(h Hint) { tell(event{Hint: &h}) })
	watching.Wait()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	tell(event{End: &end{Log: log.String(), HeapSys: m.HeapSys, LeftOver: goroutinesOver(before)}})
	return err
}

// goroutinesOver returns how many goroutines beyond n there are once those that
// are about to end, the responders' receivers, have had their time.
func goroutinesOver(n int) int {
	over := 0
	for range 50 {
		if over = runtime.NumGoroutine() - n; over <= 0 {
			return 0
		}
		time.Sleep(10 * time.Millisecond)
	}
	return over
}

// playForger answers each question on eth0 with r.Forge invented nodes of the
// mesh, and floods the group with questions of its own.
func playForger(ctx context.Context, r role) error {
	ifi, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}
	conn, err := net.ListenMulticastUDP("udp4", ifi, group)
	if err != nil {
		return err
	}
	if err := ipv4.NewPacketConn(conn).SetMulticastInterface(ifi); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	var flooding sync.WaitGroup
	defer flooding.Wait()
	flooding.Go(func() { flood(ctx, conn, group, r.Self.Tag) })

	var forged atomic.Uint32
	buf := make([]byte, 9000)
	for {
		n, from, err := conn.ReadFromUDP(buf)
		if err != nil {
			return nil // closed
		}
		var q dns.Msg
		if q.Unpack(buf[:n]) != nil || q.Response || from.Port == group.Port {
			continue
		}
		for range r.Forge {
			if packet, err := forgery(r.Self.Tag, q.Id, forged.Add(1)); err == nil {
				conn.WriteToUDP(packet, from)
			}
		}
	}
}

// flood sends 10,000 packets a second, a tenth of them questions that nodes
// answer.
func flood(ctx context.Context, conn *net.UDPConn, group *net.UDPAddr, tag string) {
	question, err := formatQuestion(tag, 1)
	if err != nil {
		return
	}
	junk := bytes.Repeat([]byte{0xc0}, 300)
	pace := rate.NewLimiter(10000, 200)
	for pace.WaitN(ctx, 10) == nil {
		conn.WriteToUDP(question, group)
		for range 9 {
			conn.WriteToUDP(junk, group)
		}
	}
}

func forgery(tag string, id uint16, n uint32) ([]byte, error) {
	fake := Announcement{ID: wire.NodeID{0xff, byte(n), byte(n >> 8), byte(n >> 16)}, Name: "fake", Tag: tag, Port: 9}
	m := dns.Msg{MsgHdr: dns.MsgHdr{Id: id, Response: true}, Answer: []dns.RR{&dns.TXT{
		Hdr: dns.RR_Header{Name: fmt.Sprintf("fake%d.%s", n, serviceName), Rrtype: dns.TypeTXT, Class: dns.ClassINET},
		Txt: formatTXT(fake, addrs("192.0.2.1", "192.0.2.2")),
	}}}
	return m.Pack()
}
