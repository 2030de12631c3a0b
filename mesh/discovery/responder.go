package discovery

import (
	"fmt"
	"io"
	stdlog "log"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/hashicorp/mdns"
	"github.com/miekg/dns"
	"golang.org/x/time/rate"
)

// Answers a second, over all interfaces: to those who ask for our tag, and to
// those who look at the service in general. What is above goes unanswered; the
// nodes ask again. 2,000 answers are 1 MB/s and a few hundredths of a core.
const (
	kinAnswers    = 2000
	publicAnswers = 20
)

// A responder answers for one node on each link. It is not safe for concurrent
// use.
type responder struct {
	self    Announcement
	zone    *zone
	log     *limitedLog
	servers map[string]*mdns.Server // link key → its server; nil where none would start
	addrs   string                  // addresses that zone answers with
}

func newResponder(self Announcement, log *limitedLog) *responder {
	return &responder{self: self, zone: newZone(self.Tag), log: log, servers: make(map[string]*mdns.Server)}
}

// update makes the servers fit links and reports whether anything was new. A
// server that would not start is tried again when its link changes.
func (r *responder) update(links []link) (changed bool) {
	r.announce(announced(links))
	current := make(map[string]bool, len(links))
	for i := range links {
		key := links[i].key()
		current[key] = true
		if _, running := r.servers[key]; !running {
			r.servers[key] = r.start(&links[i].Interface)
			changed = true
		}
	}
	for key, server := range r.servers {
		if !current[key] {
			r.stop(server)
			delete(r.servers, key)
		}
	}
	return changed
}

// announce makes the zone answer with addrs.
func (r *responder) announce(addrs []netip.Addr) {
	now := fmt.Sprint(addrs)
	if len(addrs) == 0 || now == r.addrs {
		return
	}
	ips := make([]net.IP, len(addrs))
	for i, a := range addrs {
		ips[i] = a.AsSlice()
	}
	host := "minimega-" + r.self.ID.String() + ".local."
	service, err := mdns.NewMDNSService(instanceLabel(r.self), serviceType, "local.", host,
		r.self.Port, ips, formatTXT(r.self, addrs))
	if err != nil {
		r.log.warn("mdns: cannot announce this node", "err", err)
		return
	}
	r.zone.service.Store(service)
	r.addrs = now
}

func (r *responder) start(ifi *net.Interface) *mdns.Server {
	server, err := mdns.NewServer(&mdns.Config{
		Zone:   r.zone,
		Iface:  ifi,
		Logger: stdlog.New(io.Discard, "", 0),
	})
	if err != nil {
		r.log.warn("mdns: cannot answer on an interface", "interface", ifi.Name, "err", err)
		return nil
	}
	return server
}

func (r *responder) stop(server *mdns.Server) {
	if server == nil {
		return
	}
	if err := server.Shutdown(); err != nil {
		r.log.warn("mdns: cannot stop a server", "err", err)
	}
}

// close ends all servers; their goroutines follow at once.
func (r *responder) close() { r.update(nil) }

// A zone is the records of one node, at a bounded rate. It implements
// [mdns.Zone] and is safe for concurrent use.
type zone struct {
	service     atomic.Pointer[mdns.MDNSService] // nil until there is an address
	tagged      string                           // the subtype that asks for this mesh
	kin, public *rate.Limiter
}

func newZone(tag string) *zone {
	return &zone{
		tagged: taggedName(tag),
		kin:    rate.NewLimiter(kinAnswers, kinAnswers),
		public: rate.NewLimiter(publicAnswers, publicAnswers),
	}
}

// Records returns the answer to q: that of the service for the subtype, too.
func (z *zone) Records(q dns.Question) []dns.RR {
	service := z.service.Load()
	if service == nil {
		return nil
	}
	if strings.EqualFold(q.Name, z.tagged) {
		if !z.kin.Allow() {
			return nil
		}
		return taggedRecords(service, q)
	}
	records := service.Records(q)
	if len(records) > 0 && !z.public.Allow() {
		return nil
	}
	return records
}

// taggedRecords answers a question for the subtype: the service's pointer then
// stands under the name that was asked for.
func taggedRecords(service *mdns.MDNSService, q dns.Question) []dns.RR {
	asked := q.Name
	q.Name = serviceName
	records := service.Records(q)
	for _, rr := range records {
		if ptr, ok := rr.(*dns.PTR); ok {
			ptr.Hdr.Name = asked
		}
	}
	return records
}
