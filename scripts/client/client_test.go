package client_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"minimega/scripts/client"
	"minimega/scripts/netlab"
)

// TestClient drives a node of the built program; the parts share it.
func TestClient(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a node")
	}
	n := runNode(t)
	for _, part := range []struct {
		name string
		run  func(*testing.T, *netlab.Node)
	}{
		{"RowsAndTextsAreAnswered", answers},
		{"ARefusalIsAHostErrorAndTheRestComes", refusals},
		{"FilesComeInParts", stream},
		{"ALoopThatIsLeftEndsTheCommand", leave},
		{"AContextEndsTheCommandAndTheClientGoesOn", cancel},
		{"OneCommandAtATime", busy},
		{"AHundredClientsAreServedBesideOneThatNeverReads", hundred},
		{"AnEndedNodeIsTold", ended}, // the last: it ends the node
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, n) })
	}
}

func dial(t *testing.T, n *netlab.Node) *client.Client {
	t.Helper()
	c, err := client.Dial(t.Context(), n.Socket())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// text runs a command and returns its first response's text.
func text(t *testing.T, c *client.Client, line string) string {
	t.Helper()
	all, err := c.Do(t.Context(), line)
	if err != nil || len(all) == 0 {
		t.Fatalf("%s: %v, %v", line, all, err)
	}
	return all[0].Response
}

func answers(t *testing.T, n *netlab.Node) {
	c := dial(t, n)
	if got := text(t, c, "echo "+client.Quote(`a  "b" # c`)); got != `a  "b" # c` {
		t.Errorf("echo: got %q", got)
	}
	all, err := c.Do(t.Context(), "mesh status")
	if err != nil || len(all) != 1 || all[0].Rows()[0]["size"] != "1" || all[0].Host != "kn1" {
		t.Errorf("mesh status: %+v, %v", all, err)
	}
	for _, nothing := range []string{"", "  ", "# remark"} {
		if all, err := c.Do(t.Context(), nothing); len(all) != 0 || err != nil {
			t.Errorf("%q: %v, %v", nothing, all, err)
		}
	}
	if got, err := c.Suggest(t.Context(), "mesh sta"); err != nil || !slices.Equal(got, []string{"mesh status "}) {
		t.Errorf("suggest: %q, %v", got, err)
	}
	if got, err := c.Suggest(t.Context(), "nothing begins so"); err != nil || got != nil {
		t.Errorf("suggest: %q, %v", got, err)
	}
}

func refusals(t *testing.T, n *netlab.Node) {
	c := dial(t, n)
	script := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(script, []byte("echo one\nfile get no\necho two\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var rendered []string
	var refused *client.HostError
	for reply, err := range c.Run(t.Context(), "read "+script) {
		rendered = append(rendered, reply.Rendered)
		if err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
	}
	if want := []string{"kn1: one", "", "kn1: two"}; !slices.Equal(rendered, want) {
		t.Errorf("got %q, want %q", rendered, want)
	}
	if refused == nil || refused.Host != "kn1" || !strings.Contains(refused.Text, "get no: file not found") {
		t.Errorf("got %v", refused)
	}
	long := "echo " + strings.Repeat("x", 10<<20)
	if _, err := c.Do(t.Context(), long); !errors.As(err, &refused) || !strings.Contains(refused.Text, "at most") {
		t.Errorf("10 MiB: %v", err)
	}
	if _, err := c.Do(t.Context(), "echo"); err == nil {
		t.Error("the conversation goes on after a request that was too long")
	}
}

// big makes a file of 25 MiB on the node and returns what is in it.
func big(t *testing.T, n *netlab.Node) []byte {
	t.Helper()
	path := filepath.Join(n.Files(), "big")
	if err := netlab.MakeFile(path, 25<<20, netlab.Random, 1); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return want
}

func stream(t *testing.T, n *netlab.Node) {
	want := big(t, n)
	c := dial(t, n)
	var got []byte
	for reply, err := range c.Run(t.Context(), "file stream big") {
		if err != nil {
			t.Fatal(err)
		}
		part, err := reply.Resp[0].Bytes()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, part...)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, which are not the file's %d", len(got), len(want))
	}
}

func leave(t *testing.T, n *netlab.Node) {
	big(t, n)
	c := dial(t, n)
	for range c.Run(t.Context(), "file stream big") {
		break
	}
	if got := text(t, c, "echo on"); got != "on" {
		t.Errorf("after a loop that was left: %q", got)
	}
	func() {
		defer func() { _ = recover() }()
		for range c.Run(t.Context(), "file stream big") {
			panic("in the loop")
		}
	}()
	if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after a panic in the loop: %v", err)
	}
}

func cancel(t *testing.T, n *netlab.Node) {
	c := dial(t, n)
	started := filepath.Join(t.TempDir(), "started")
	ctx, stop := context.WithCancel(t.Context())
	var watch sync.WaitGroup
	defer watch.Wait()
	watch.Go(func() {
		defer stop()
		within, giveUp := context.WithTimeout(ctx, patient)
		defer giveUp()
		err := netlab.Until(within, "the command to start", func() bool { _, err := os.Stat(started); return err == nil })
		if err != nil {
			t.Error(err)
		}
	})
	_, err := c.Do(ctx, `shell sh -c "echo > `+started+`; exec sleep 60"`)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if got := text(t, c, "echo on"); got != "on" {
		t.Errorf("after a command that was ended: %q", got)
	}
	if _, err := c.Do(ctx, "echo"); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that has ended: %v", err)
	}
}

func busy(t *testing.T, n *netlab.Node) {
	big(t, n)
	c := dial(t, n)
	for range c.Run(t.Context(), "file stream big") {
		if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, client.ErrBusy) {
			t.Errorf("a command in a command: %v", err)
		}
	}
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if _, err := c.Do(t.Context(), "echo"); !errors.Is(err, client.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func hundred(t *testing.T, n *netlab.Node) {
	big(t, n)
	stuck := dial(t, n)
	for range stuck.Run(t.Context(), "file stream big") { // and does not read on while the others talk
		var chats sync.WaitGroup
		for k := range 100 {
			c := dial(t, n)
			chats.Go(func() {
				for i := range 10 {
					want := fmt.Sprint(k, " ", i)
					all, err := c.Do(t.Context(), "echo "+want)
					if err != nil || len(all) != 1 || all[0].Response != want {
						t.Errorf("client %s: %+v, %v", want, all, err)
					}
				}
			})
		}
		chats.Wait()
		break
	}
}

func ended(t *testing.T, n *netlab.Node) {
	c, other := dial(t, n), dial(t, n)
	if all, err := c.Do(t.Context(), "quit"); len(all) != 0 || err != nil {
		t.Errorf("quit: %v, %v", all, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patient)
	defer cancel()
	if status, err := n.Wait(ctx); status != 0 || err != nil {
		t.Errorf("the node: exit status %d, %v", status, err)
	}
	if _, err := other.Do(t.Context(), "echo"); !errors.Is(err, client.ErrEnded) {
		t.Errorf("after the node's end: %v", err)
	}
	if _, err := client.Dial(t.Context(), n.Socket()); !errors.Is(err, client.ErrNotRunning) {
		t.Errorf("dialled a node that has ended: %v", err)
	}
}
