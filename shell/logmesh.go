package shell

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"minimega/mesh/wire"
	"minimega/shell/output"
)

// methodLog is the mesh call that hands over lines of the log. Its body is a
// [logLines], its answer is empty.
const methodLog = "log"

// logWithin bounds the handing over of lines, to a node and to a syslog server.
const logWithin = 10 * time.Second

// logRetry is the time between two tries to hand lines over.
const logRetry = 2 * time.Second

// logLines are lines of one node's log.
type logLines struct {
	Lines []string `cbor:"1,keyasint"` // at most maxLogLines, of maxLogLine bytes
	Lost  int      `cbor:"2,keyasint"` // lines before them that never came
}

// RunLogs sends the log to the node of `log mesh` and the server of `log
// syslog` until ctx ends. Of what they do not take only the last lines wait; the
// rest is lost, and counted.
func (s *Shell) RunLogs(ctx context.Context) error {
	logs := s.cfg.Logs
	if logs == nil {
		<-ctx.Done()
		return nil
	}
	var both sync.WaitGroup
	both.Go(func() { logs.mesh.drain(ctx, s.sendLog) })
	syslog := &syslogLine{host: s.host()}
	both.Go(func() { logs.syslog.drain(ctx, syslog.send) })
	both.Wait()
	syslog.close()
	return nil
}

// drain gives what is in q to send, which may block, until ctx ends.
func (q *logQueue) drain(ctx context.Context, send func(ctx context.Context, to string, all logLines) error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.ready:
		}
		to, lines, lost := q.take()
		if len(lines) == 0 {
			continue
		}
		within, cancel := context.WithTimeout(ctx, logWithin)
		err := send(within, to, logLines{lines, lost}) // to say so in the log would not end
		cancel()
		if err == nil {
			q.done(to)
			continue
		}
		q.back(to, lines, lost, err)
		select {
		case <-ctx.Done():
		case <-time.After(logRetry):
			q.wake()
		}
	}
}

// sendLog hands lines to the node of that name.
func (s *Shell) sendLog(ctx context.Context, name string, all logLines) error {
	node, err := s.cfg.Mesh.Lookup(name)
	if err != nil {
		return err
	}
	body, err := wire.Marshal(all)
	if err != nil {
		return err
	}
	for reply := range s.cfg.Mesh.Call(ctx, []wire.NodeID{node.ID}, methodLog, body) {
		err = errors.Join(err, reply.Err)
	}
	return err
}

// serveLog writes lines of another node's log into this one's.
func (s *Shell) serveLog(_ context.Context, from wire.Member, body []byte) ([]byte, error) {
	var all logLines
	if err := wire.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("bad log lines: %w", err)
	}
	if len(all.Lines) > maxLogLines {
		return nil, fmt.Errorf("bad log lines: must be at most %d, but are %d", maxLogLines, len(all.Lines))
	}
	if s.cfg.Logs == nil {
		return nil, errNoLogs
	}
	if all.Lost > 0 {
		all.Lines = append([]string{fmt.Sprintf("%d lines of the log were lost here", all.Lost)}, all.Lines...)
	}
	for _, line := range all.Lines {
		line = line[:min(len(line), maxLogLine)]
		if err := s.cfg.Logs.receive(string(from.Name) + ": " + output.EscapeLine(line)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// logMesh shows or sets the node that the log goes to as well.
func logMesh(_ context.Context, c *Call) error {
	logs := c.shell.cfg.Logs
	if logs == nil {
		return errNoLogs
	}
	name, given := c.Values["node"]
	switch node, err := c.shell.cfg.Mesh.Lookup(name); {
	case !given && logs.mesh.receiver() == "":
		c.Text("mesh logging disabled")
	case !given:
		c.Text("sending all logs to node " + logs.mesh.receiver() + logs.mesh.waits())
	case err != nil:
		return fmt.Errorf("node %s not in mesh: mesh list peers lists them", name)
	case node.ID == c.shell.cfg.Mesh.Self().ID:
		return fmt.Errorf("log mesh: must be another node, but is %s itself: clear log mesh sends nothing any more", name)
	default:
		logs.mesh.send(name)
	}
	return nil
}
