package shell

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// hostFields are the columns of `host`. Those on virtual machines are always
// zero: there are none yet.
func hostFields() []string {
	return []string{
		"cpus", "load", "memused", "memtotal", "rx", "tx", "vms", "vmlimit", "androidvms",
		"cpucommit", "memcommit", "netcommit", "uptime",
	}
}

// aboutHost says what each field is.
func aboutHost() map[string]string {
	return map[string]string{
		"cpus": "number of processors", "load": "load over 1, 5 and 15 minutes", "memused": "memory in use", "memtotal": "memory in all",
		"rx": "bytes a second received", "tx": "bytes a second sent", "vms": "virtual machines", "vmlimit": "most virtual machines",
		"androidvms": "Android machines", "cpucommit": "processors of machines", "memcommit": "memory of machines",
		"netcommit": "interfaces of machines", "uptime": "how long the host has been up", "name": "name of the node",
	}
}

func hostCommands() []Command {
	return []Command{{
		Patterns: []string{"host [field:" + strings.Join(hostFields(), ",") + ",name]"},
		Help:     "show the processors, memory, network and load of all hosts of the namespace",
		Long:     "Memory is used and in all; rx and tx are bytes a second over a tenth of one.",
		About:    aboutHost(),
		Example:  "host\nhost memused",
		Columns:  hostFields(),
		Run:      onAllHosts(host),
	}}
}

func host(ctx context.Context, c *Call) error {
	field, given := c.Values["field"]
	if field == "name" {
		c.Text(c.shell.host())
		return nil
	}
	values := hostValues(ctx)
	if given {
		c.Text(values[field])
		return nil
	}
	row := make([]string, 0, len(hostFields()))
	for _, name := range hostFields() {
		row = append(row, values[name])
	}
	c.Table(hostFields(), [][]string{row})
	return nil
}

// hostValues measures this machine; what it cannot tell is empty.
func hostValues(ctx context.Context) map[string]string {
	total, used := memory(readProc("meminfo"))
	rx, tx := bandwidth(ctx)
	return map[string]string{
		"cpus":    strconv.Itoa(runtime.NumCPU()),
		"load":    strings.Join(firstFields(readProc("loadavg"), 3), " "),
		"memused": humanize.IBytes(used), "memtotal": humanize.IBytes(total),
		"rx": humanize.IBytes(rx) + "/s", "tx": humanize.IBytes(tx) + "/s",
		"vms": "0", "vmlimit": "0", "androidvms": "0", "cpucommit": "0", "memcommit": "0", "netcommit": "0",
		"uptime": uptime(readProc("uptime")),
	}
}

// readProc returns the text of a file in /proc, "" where there is none.
func readProc(name string) string {
	b, err := os.ReadFile("/proc/" + name)
	if err != nil {
		return ""
	}
	return string(b)
}

func firstFields(text string, n int) []string {
	fields := strings.Fields(text)
	return fields[:min(n, len(fields))]
}

// memory returns the bytes of memory in all and in use, from /proc/meminfo.
func memory(meminfo string) (total, used uint64) {
	var available uint64
	for line := range strings.Lines(meminfo) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseUint(fields[1], 10, 64)
		switch fields[0] {
		case "MemTotal:":
			total = kib << 10
		case "MemAvailable:":
			available = kib << 10
		}
	}
	return total, total - min(available, total)
}

// bandwidth returns the bytes a second that all network devices but the
// loopback take in and give out. It measures for a tenth of a second.
func bandwidth(ctx context.Context) (rx, tx uint64) {
	const span = 100 * time.Millisecond
	rx0, tx0 := traffic(readProc("net/dev"))
	timer := time.NewTimer(span)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return 0, 0
	}
	rx1, tx1 := traffic(readProc("net/dev"))
	scale := uint64(time.Second / span)
	return (max(rx1, rx0) - rx0) * scale, (max(tx1, tx0) - tx0) * scale
}

// traffic returns the byte counters of /proc/net/dev, added up.
func traffic(dev string) (rx, tx uint64) {
	for line := range strings.Lines(dev) {
		name, counters, ok := strings.Cut(line, ":")
		fields := strings.Fields(counters)
		if !ok || strings.TrimSpace(name) == "lo" || len(fields) < 9 {
			continue
		}
		in, _ := strconv.ParseUint(fields[0], 10, 64)
		out, _ := strconv.ParseUint(fields[8], 10, 64)
		rx, tx = rx+in, tx+out
	}
	return rx, tx
}

func uptime(text string) string {
	fields := firstFields(text, 1)
	if len(fields) == 0 {
		return ""
	}
	seconds, err := strconv.ParseFloat(fields[0], 64)
	if err != nil {
		return ""
	}
	return (time.Duration(seconds) * time.Second).String()
}
