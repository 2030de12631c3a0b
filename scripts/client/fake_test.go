package client_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"minimega/scripts/client"
)

// fake is a node that answers each request with the next of answers, as they
// are, and then closes. It returns its socket.
func fake(t *testing.T, answers ...string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "client") // short: a socket's path is bounded
	if err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "minimega")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var server sync.WaitGroup
	server.Go(func() { answer(l, answers) })
	t.Cleanup(func() {
		l.Close()
		server.Wait()
		os.RemoveAll(dir)
	})
	return socket
}

// answer serves one client.
func answer(l net.Listener, answers []string) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	requests := bufio.NewReader(conn)
	for _, text := range answers {
		if _, err := requests.ReadString('\n'); err != nil {
			return
		}
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

const (
	status = `{"Resp":null,"Rendered":"[kn1]: foo: 1 B of 2 B","More":false,"Status":true}` + "\n"
	done   = `{"Resp":[{"Host":"kn1","Response":"done","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"done","More":false,"Status":false}` + "\n"
	more   = `{"Resp":[{"Host":"kn1","Response":"part","Header":null,"Tabular":null,"Error":"","Data":null}],"Rendered":"part","More":true,"Status":false}` + "\n"
)

// dialFake returns a client of a fake node.
func dialFake(t *testing.T, answers ...string) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), fake(t, answers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestProgressIsToldAndIsNoAnswer(t *testing.T) {
	c := dialFake(t, status+status+done, status+done)
	var told []string
	c.Progress = func(line string) { told = append(told, line) }
	for range 2 {
		all, err := c.Do(t.Context(), "vm config disk file:foo")
		if err != nil || len(all) != 1 || all[0].Response != "done" {
			t.Errorf("%+v, %v", all, err)
		}
	}
	if want := slices.Repeat([]string{"[kn1]: foo: 1 B of 2 B"}, 3); !slices.Equal(told, want) {
		t.Errorf("got %q, want %q", told, want)
	}
}

func TestWhatIsNoReplyEndsTheConversation(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   error
	}{
		{"nonsense\n", client.ErrProtocol},
		{`{"Resp":7}` + "\n", client.ErrProtocol},
		{strings.TrimSuffix(done, "\n"), client.ErrEnded},
		{more, client.ErrEnded},
		{"", client.ErrEnded},
	} {
		c := dialFake(t, tt.answer)
		if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.answer, err, tt.want)
		}
		if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, client.ErrClosed) {
			t.Errorf("after %q: %v", tt.answer, err)
		}
	}
}

func TestANodeThatDoesNotEndACommandIsLeft(t *testing.T) {
	c := dialFake(t, "", "", "") // takes the command and its cancelling, and says nothing
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := c.Do(ctx, "echo"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("afterwards: %v", err)
	}
}
