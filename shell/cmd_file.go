package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"minimega/completion"
	"minimega/mesh/wire"
	"minimega/shell/output"
	"minimega/transfer"
	"minimega/transfer/store"
)

// fileCommands are the commands on the files directory.
func fileCommands() []Command {
	file := map[string]completion.Kind{"file": completion.MeshFile}
	own := map[string]completion.Kind{"file": ownFiles, "path": ownFiles}
	return []Command{
		{
			Patterns: []string{
				"file list", "file list <recursive,> [detail,]", "file list <detail,>",
				"file list <path> [recursive,]", "file list <path> <detail,>", "file list <path> <recursive,> <detail,>",
			},
			Help: "list files of this node",
			Long: "Lists a file, a directory or a glob below the files directory; recursive lists all files\n" +
				"below it, detail adds when each was modified. What does not exist is listed as nothing.\n" +
				"A warning counts what is left out because its name is not fit to be shown.\n" +
				"With -hashfiles a column tells the content, as `file get foo version ID` takes it.\n" +
				"Use `mesh send all file list` for the files of other nodes.",
			Example: "file list images recursive",
			Columns: []string{"dir", "name", "size", "modified", "hash"},
			Hints:   own, About: map[string]string{"recursive": "all files below", "detail": "when each was modified, too"},
			Run: fileList,
		},
		{
			Patterns: []string{"file get <file>", "file get <file> <from,> <node:node or newest>", "file get <file> <version,> <id>"},
			Help:     "get a file from the mesh",
			Long: "Looks for a file, a directory or a glob on all nodes and starts to transfer it to this one. It\n" +
				"returns at once: `file status` tells how far it is. Where nodes hold different files of the name,\n" +
				"say whose is meant. A URL is downloaded first, unless some node has its file.",
			Example:   "file get images/foo.qcow2\nfile get foo from kn1\nfile get foo from newest\nfile get foo version 2f9c31aa04d1",
			Hints:     map[string]completion.Kind{"file": completion.MeshFile, "id": contentIDs, "node": holderNames},
			Words:     map[string][]completion.Candidate{"node": {{Text: "newest", Help: "modified last"}}},
			About:     map[string]string{"from": "the node whose file is meant", "version": "the content that is meant"},
			NeedsMesh: true, Run: fileGet,
		},
		statusCommand(),
		limitCommand(),
		{
			Patterns: []string{"file delete <file>"},
			Help:     "delete files of this node",
			Long:     "Deletes a file, a glob, or a directory with all below it, and ends its transfers.",
			Example:  "file delete foo.qcow2\nfile delete images/*",
			Hints:    own, Run: fileDelete,
		},
		{
			Patterns: []string{"file stream <file>"},
			Help:     "hand a file to the program at the socket",
			Long:     "Answers with the file in parts of 10 MiB, as data, without keeping it on this node.",
			Example:  "file stream foo.qcow2",
			Hints:    file, NeedsMesh: true, LocalOnly: true, Run: fileStream,
		},
	}
}

// fileName returns an argument as a name below the files directory.
func (c *Call) fileName(key string) string { return c.shell.below(c.Values[key]) }

// below returns a path as a name below the files directory.
func (s *Shell) below(path string) string { return strings.TrimPrefix(path, s.cfg.Store.Dir()+"/") }

// errNoFile reports an argument that is the files directory itself.
var errNoFile = errors.New("must name a file, a directory or a glob, but names no file: * is all there is")

// meshName returns an argument as what can be looked for in the mesh: a clean
// name or glob. Its error quotes what it is about.
func (c *Call) meshName(key string) (string, error) {
	name, err := wire.ParseFileName(c.fileName(key))
	if err == nil && name == "" {
		err = errNoFile
	}
	return string(name), err
}

func fileList(_ context.Context, c *Call) error {
	where := c.fileName("path")
	found, err := c.shell.cfg.Store.Look(cmp.Or(where, "/"), c.Has("recursive"))
	if err != nil {
		return err
	}
	c.leftOut(found.Unnamed)
	header := []string{"dir", "name", "size"}
	if c.Has("detail") {
		header = append(header, "modified")
	}
	hasher := c.shell.hasher
	if hasher.hashes != nil {
		header = append(header, "hash")
	}
	var rows [][]string
	for _, e := range found.Entries {
		row := []string{dirCell(e.Kind), listedName(e.Name, where, c.Has("recursive")), strconv.FormatInt(e.Meta.Size, 10)}
		if c.Has("detail") {
			row = append(row, e.Meta.Time().Format(time.RFC3339))
		}
		if hasher.hashes != nil {
			row = append(row, hasher.version(e))
		}
		rows = append(rows, row)
	}
	c.Table(header, rows)
	return nil
}

// leftOut warns of n names that no file of a mesh can have.
func (c *Call) leftOut(n int) {
	if n == 0 {
		return
	}
	c.Client.warnings([]string{fmt.Sprintf("%d left out and not shared: names must be UTF-8 (NFC), not too long and without control characters, but are not: shell ls -Rb %s shows them",
		n, c.shell.cfg.Store.Dir())})
}

func dirCell(k store.Kind) string {
	if k == store.Dir {
		return "<dir>"
	}
	return ""
}

// listedName returns how name is listed: by its own name in its directory's
// listing, otherwise by the path that `file get` takes.
func listedName(name wire.FileName, where string, recursive bool) string {
	dir, base := path.Split(string(name))
	if !recursive && path.Clean("/"+dir) == path.Clean("/"+where) {
		return base
	}
	return string(name)
}

func fileGet(ctx context.Context, c *Call) error {
	asked := time.Now()
	name, err := c.meshName("file")
	if err != nil {
		return fmt.Errorf("get: %w", err)
	}
	pick := transfer.Pick{Version: c.Values["id"]}
	if node := c.Values["node"]; node == "newest" {
		pick.Newest = true
	} else {
		pick.From = wire.NodeName(node)
	}
	job, err := c.shell.cfg.Files.Get(ctx, name, pick)
	if err != nil {
		return getError(name, err)
	}
	c.Client.warnings(job.Warnings())
	if c.Client.started != nil {
		job.Follow()
	}
	if err := atOnce(ctx, job, asked.Add(beginWithin)); err != nil {
		return getError(name, err)
	}
	if c.Client.started != nil {
		c.Client.started(name, job)
	}
	return nil
}

// beginWithin is how long file get, from its start on, waits to learn that it
// cannot even begin. What keeps it from that is mostly here, and known at once;
// over a busy link a connection takes longer than people wait.
const beginWithin = 200 * time.Millisecond

// atOnce returns why job failed, if it did before it had begun, or until. How
// long the transfer itself takes does not matter.
func atOnce(ctx context.Context, job Job, until time.Time) error {
	within, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	select {
	case <-job.Begun():
	case <-within.Done():
	}
	select {
	case <-job.Done():
		return job.Err()
	default:
		return nil
	}
}

func fileDelete(_ context.Context, c *Call) error {
	name := c.fileName("file")
	if name == "" { // often a $NAME that is not set
		return fmt.Errorf("delete: %w", errNoFile)
	}
	if below := path.Clean(strings.TrimLeft(name, "/")); below == ".." || strings.HasPrefix(below, "../") {
		return fmt.Errorf("delete: %w: %q: must stay inside the files directory", wire.ErrBadName, name)
	}
	return c.shell.cfg.Files.Delete(name)
}

func fileStream(ctx context.Context, c *Call) error {
	name, err := c.meshName("file")
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	if strings.ContainsAny(name, "*?") {
		return errors.New("cannot stream a glob: name one file")
	}
	err = c.shell.cfg.Files.Stream(ctx, name, func(part []byte) error {
		c.emit(output.Response{Data: append([]byte(nil), part...)})
		return ctx.Err()
	})
	if errors.Is(err, wire.ErrNotFound) {
		return fmt.Errorf("stream %s: %w", name, wire.ErrNotFound)
	}
	return err
}
