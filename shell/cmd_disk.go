package shell

import (
	"context"
	"strconv"
	"strings"

	"minimega/completion"
	"minimega/shell/disk"
)

// diskCommands are the commands on disk images of this node.
func diskCommands() []Command {
	all := []Command{
		{
			Patterns: []string{"disk create <format:qcow2,raw> <image> <size>"},
			Help:     "make an empty disk image",
			Long:     "What had the name before is replaced. The size is in bytes, or in K, M, G, T, P or E.",
			Example:  "disk create qcow2 empty.qcow2 10G", Run: diskCreate,
		},
		{
			Patterns: []string{"disk info <image> [recursive,]"},
			Help:     "show the format, the size and the backing image of a disk image",
			Long:     "With recursive, shows the backing images as well.",
			Example:  "disk info foo.qcow2\ndisk info foo.qcow2 recursive",
			Columns:  []string{"image", "format", "virtualsize", "disksize", "backingfile", "inuse"}, Run: diskInfo,
		},
		{
			Patterns: []string{"disk snapshot <image> [dst]"},
			Help:     "make a disk image that begins as another is and keeps what is changed",
			Long: "The image that it is of must not be changed any more, nor moved away from it. Without a name for\n" +
				"the snapshot, one is made up and printed.",
			Example: "disk snapshot base.qcow2 web.qcow2", Run: diskSnapshot,
		},
		{
			Patterns: []string{"disk <rebase,> <image> [backing]"},
			Help:     "give a disk image another backing image, or none, and the same content as before",
			Example:  "disk rebase web.qcow2 newbase.qcow2\ndisk rebase web.qcow2", Run: diskRebase,
		},
		{
			Patterns: []string{"disk <set-backing,> <image> [backing]"},
			Help:     "say where the backing image of a disk image is now",
			Long:     "Nothing else is changed: for one that was moved. With one of another content the image is spoilt.",
			Example:  "disk set-backing web.qcow2 images/base.qcow2", Run: diskSetBacking,
		},
		{
			Patterns: []string{"disk commit <image>"},
			Help:     "write what a disk image has changed into its backing image",
			Example:  "disk commit web.qcow2",
			Run: func(ctx context.Context, c *Call) error {
				return c.images().Commit(ctx, c.Values["image"])
			},
		},
		{
			Patterns: []string{"disk resize <image> <size>"},
			Help:     "give a disk image a larger size",
			Long:     "The size is as for disk create, or +SIZE for so much more. What is in the image is not adapted.",
			Example:  "disk resize web.qcow2 20G\ndisk resize web.qcow2 +1G",
			Run: func(ctx context.Context, c *Call) error {
				return c.images().Resize(ctx, c.Values["image"], c.Values["size"])
			},
		},
		{
			Patterns: []string{
				"disk <inject,> <" + keyPart + ":image> <files,> <" + keyPair + ":src:dst>...",
				"disk <inject,> <" + keyPart + ":image> <options,> <words:mount options> <files,> <" + keyPair + ":src:dst>...",
				"disk <inject,> <" + keyPart + ":image> <delete,> <files,> <path>...",
				"disk <inject,> <" + keyPart + ":image> <options,> <words:mount options> <delete,> <files,> <path>...",
			},
			Help: "copy files into a disk image, or delete some in it",
			Long: "Needs root, and the nbd kernel module where the image is not raw. The image may end in :N for its\n" +
				"partition N, or in :none. A relative src is below the files directory. The options go to mount.\n" +
				"Where the image is not let go within five minutes it is detached, and the error says so.",
			Example: "disk inject web.qcow2:1 files agent:/usr/bin/agent\ndisk inject web.img options \"-t vfat\" files a:/a b:/b\n" +
				"disk inject web.img delete files /etc/hostname",
			About: map[string]string{"inject": "copy files into it", "files": "what to copy or delete", "options": "for mount", "delete": "delete files in it"},
			Run:   diskInject,
		},
	}
	file := completion.Candidate{Text: filePrefix, Help: "a file of the mesh"}
	for i := range all {
		all[i].Hints = map[string]completion.Kind{"image": localFiles, "dst": localFiles, "backing": localFiles, keyPair: localFiles, keyPart: localFiles}
		all[i].Words = map[string][]completion.Candidate{
			"image": append(urlWords(), file), keyPart: {file}, keyPair: {file},
		}
	}
	return all
}

func diskInject(ctx context.Context, c *Call) error {
	return c.images().Inject(ctx, disk.Injection{
		Image: c.Values[keyPart], Options: strings.Fields(c.Values["words"]), Pairs: c.Lists[keyPair], Delete: c.Lists["path"],
	})
}

// images returns the disk images of this node.
func (c *Call) images() disk.Images {
	return disk.Images{Dir: c.shell.cfg.Store.Dir(), Absolute: c.shell.cfg.AbsoluteSnapshots}
}

func diskCreate(ctx context.Context, c *Call) error {
	return c.images().Create(ctx, c.Values["format"], c.Values["image"], c.Values["size"])
}

func diskInfo(ctx context.Context, c *Call) error {
	look := c.images().Info
	if c.Has("recursive") {
		look = c.images().Chain
	}
	found, err := look(ctx, c.Values["image"])
	if err != nil {
		return err
	}
	var rows [][]string
	for _, i := range found {
		rows = append(rows, []string{
			i.Image, i.Format, bytesText(i.VirtualSize), bytesText(i.DiskSize), i.Backing, strconv.FormatBool(i.InUse),
		})
	}
	c.Table(c.columns(), rows)
	return nil
}

func diskSnapshot(ctx context.Context, c *Call) error {
	name, err := c.images().Snapshot(ctx, c.Values["image"], c.Values["dst"])
	if _, given := c.Values["dst"]; err == nil && !given {
		c.Text(name)
	}
	return err
}

func diskRebase(ctx context.Context, c *Call) error {
	return c.images().Rebase(ctx, c.Values["image"], c.Values["backing"])
}

func diskSetBacking(ctx context.Context, c *Call) error {
	return c.images().SetBacking(ctx, c.Values["image"], c.Values["backing"])
}
