package shell

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"minimega/shell/output"
)

// localSyslog is where the host's own syslog is listened to.
const localSyslog = "unixgram /dev/log"

// syslogPort is the one that servers have unless another is named.
const syslogPort = "514"

// facilityDaemon is RFC 5424's number of system daemons, times eight.
const facilityDaemon = 3 << 3

// syslogLine is a connection to a syslog server, made anew whenever it breaks.
// It is used by one goroutine.
type syslogLine struct {
	host string   // this node
	to   string   // NETWORK ADDRESS, of conn
	conn net.Conn // nil: none
}

// send writes lines to the server at to, by the deadline of ctx.
func (l *syslogLine) send(ctx context.Context, to string, all logLines) error {
	if l.conn == nil || l.to != to {
		l.close()
		network, address, _ := strings.Cut(to, " ")
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return fmt.Errorf("syslog: %w", err)
		}
		l.to, l.conn = to, conn
	}
	conn := l.conn                                                                   // which is nil once it has failed
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) }) // ends a write
	defer stop()
	if all.Lost > 0 {
		all.Lines = append([]string{fmt.Sprintf("level=WARN %d lines of the log were lost here", all.Lost)}, all.Lines...)
	}
	for _, line := range all.Lines {
		if _, err := l.conn.Write([]byte(l.format(line, time.Now()))); err != nil {
			l.close()
			return fmt.Errorf("syslog: %w", err)
		}
	}
	return nil
}

// close ends the connection, where there is one.
func (l *syslogLine) close() {
	if l.conn != nil {
		_ = l.conn.Close() // what was written is written
		l.conn = nil
	}
}

// format returns line as RFC 3164 has it.
func (l *syslogLine) format(line string, now time.Time) string {
	return fmt.Sprintf("<%d>%s %s minimega[%d]: %s\n", facilityDaemon|severity(line), now.Format(time.Stamp), l.host, os.Getpid(), output.EscapeLine(line))
}

// severity returns the syslog number of a line's level, which stands before what
// the line says.
func severity(line string) int {
	_, level, _ := strings.Cut(line, "level=")
	level, _, _ = strings.Cut(level, " ")
	switch level {
	case "ERROR":
		return 3
	case "WARN":
		return 4
	case "DEBUG":
		return 7
	}
	return 6
}

// logSyslog shows or sets the syslog server that the log goes to as well.
func logSyslog(_ context.Context, c *Call) error {
	logs := c.shell.cfg.Logs
	if logs == nil {
		return errNoLogs
	}
	address, given := c.Values["address"]
	switch to := logs.syslog.receiver(); {
	case c.Has("local"):
		if _, path, _ := strings.Cut(localSyslog, " "); !there(path) {
			c.Client.warnings([]string{"log syslog: nothing listens at " + path + " yet: the last lines wait for it"})
		}
		logs.syslog.send(localSyslog)
	case given:
		where, err := syslogAddress(address)
		if err != nil {
			return err
		}
		logs.syslog.send(c.Values["network"] + " " + where)
	case to == "":
		c.Text("syslog logging disabled")
	default:
		c.Text("sending all logs to " + to + logs.syslog.waits())
	}
	return nil
}

// there reports whether something is at path.
func there(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// syslogAddress returns HOST or HOST:PORT with a port.
func syslogAddress(address string) (string, error) {
	if host, port, err := net.SplitHostPort(address); err == nil && host != "" && port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return "", fmt.Errorf("log syslog: the port must be 1 to 65535, but is %q", port)
		}
		return address, nil
	}
	host := strings.Trim(address, "[]")
	if host == "" || strings.ContainsAny(host, " /") || strings.Count(host, ":") == 1 {
		return "", fmt.Errorf("log syslog: must be HOST or HOST:PORT, but is %q", address)
	}
	return net.JoinHostPort(host, syslogPort), nil
}
