package netlab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
)

// Conn is a connection to a node's command socket, for what must be asked
// often: no process is started.
type Conn struct {
	c net.Conn
	r *json.Decoder
}

// Answer is one object that the socket sends.
type Answer struct {
	Resp []struct {
		Host     string
		Response string
		Header   []string
		Tabular  [][]string
		Error    string
	}
	Rendered string
	More     bool
	Status   bool
	Suggest  []string
}

// Connect opens the node's command socket.
func (n *Node) Connect(ctx context.Context) (*Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", n.Socket())
	if err != nil {
		return nil, err
	}
	return &Conn{c: c, r: json.NewDecoder(bufio.NewReader(c))}, nil
}

// Close closes the connection.
func (c *Conn) Close() error { return c.c.Close() }

// Command runs one line and returns its answers. Errors that the answers hold
// are joined into err.
func (c *Conn) Command(ctx context.Context, line string) ([]Answer, error) {
	return c.ask(ctx, map[string]string{"Command": line})
}

// Suggest asks what could stand at the end of line.
func (c *Conn) Suggest(ctx context.Context, line string) ([]string, error) {
	answers, err := c.ask(ctx, map[string]string{"Suggest": line})
	if err != nil || len(answers) == 0 {
		return nil, err
	}
	return answers[len(answers)-1].Suggest, nil
}

// ask sends a request and reads all objects of its answer.
func (c *Conn) ask(ctx context.Context, request map[string]string) ([]Answer, error) {
	stop := context.AfterFunc(ctx, func() { c.c.Close() })
	defer stop()
	if err := json.NewEncoder(c.c).Encode(request); err != nil {
		return nil, err
	}
	var answers []Answer
	for {
		var a Answer
		if err := c.r.Decode(&a); err != nil {
			return answers, fmt.Errorf("answer to %v: %w", request, err)
		}
		if a.Status {
			continue
		}
		answers = append(answers, a)
		if !a.More {
			return answers, failures(answers)
		}
	}
}

// failures joins the errors in answers.
func failures(answers []Answer) error {
	var errs []error
	for _, a := range answers {
		for _, r := range a.Resp {
			if r.Error != "" {
				errs = append(errs, fmt.Errorf("%s: %s", r.Host, r.Error))
			}
		}
	}
	return errors.Join(errs...)
}

// Cell returns the first cell below a column's head, "" when there is none.
func (a Answer) Cell(column string) string {
	for _, r := range a.Resp {
		for i, head := range r.Header {
			if strings.EqualFold(head, column) && len(r.Tabular) > 0 && i < len(r.Tabular[0]) {
				return r.Tabular[0][i]
			}
		}
	}
	return ""
}
