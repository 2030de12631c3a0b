package shell

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"minimega/completion"
	"minimega/mesh/wire"
	"minimega/transfer"
)

// Downloads bring files that URLs name into the mesh.
type Downloads interface {
	Name(url string) (wire.FileName, error) // below the files directory
	// Fetch blocks until a node has the file, or it has come here: from the URL,
	// or in chunks from the node that downloads it. told hears how far that is; at
	// is the node that downloads, "" for this one. Errors hold no credentials.
	Fetch(ctx context.Context, url string, told func(done, total int64, at wire.NodeName)) error
	Running() []transfer.Status // what this node downloads, sorted by name
}

// transfers lists what comes to this node, from the mesh or from URLs, sorted by
// name.
func (s *Shell) transfers() []transfer.Status {
	all := s.cfg.Files.Status()
	if s.cfg.Downloads == nil {
		return all
	}
	running := s.cfg.Downloads.Running()
	if len(running) == 0 {
		return all // which is sorted
	}
	all = append(all, running...)
	slices.SortStableFunc(all, func(a, b transfer.Status) int { return cmp.Compare(a.Name, b.Name) })
	return slices.CompactFunc(all, func(a, b transfer.Status) bool { return a.Name == b.Name })
}

// lookAgain is how often a file is looked for that was said to be in the mesh,
// and whose holder has gone by then.
const lookAgain = 3

// isURL reports whether word is one that is downloaded.
func isURL(word string) bool {
	_, plain := cutFold(word, "http://")
	_, secure := cutFold(word, "https://")
	return plain || secure
}

// urlWords are the beginnings of URLs, for Tab.
func urlWords() []completion.Candidate {
	const help = "a file of the mesh, or downloaded"
	return []completion.Candidate{{Text: "http://", Help: help}, {Text: "https://", Help: help}}
}

// cutOptions cuts what follows a diskspec's path: the first comma behind the
// host and all after it.
func cutOptions(url string) (path, options string) {
	start := strings.Index(url, "://") + len("://")
	slash := strings.IndexByte(url[start:], '/')
	if slash < 0 {
		return url, ""
	}
	start += slash
	if i := strings.IndexByte(url[start:], ','); i >= 0 {
		return url[:start+i], url[start+i:]
	}
	return url, ""
}

// expandURL brings the file of a URL to this node and returns its local path.
func (x *execution) expandURL(ctx context.Context, key, word string) ([]string, error) {
	var options string
	if key == keyDiskspec {
		word, options = cutOptions(word)
	}
	name, err := x.shell.cfg.Downloads.Name(word)
	if err != nil {
		return nil, err
	}
	if err := x.settle(ctx); err != nil {
		return nil, err
	}
	for left := lookAgain; ; left-- {
		if err := x.download(ctx, word, name); err != nil {
			return nil, err
		}
		paths, err := x.fetch(ctx, string(name))
		if errors.Is(err, wire.ErrNotFound) && left > 1 {
			continue
		}
		for i := range paths {
			paths[i] += options
		}
		return paths, err
	}
}

// nameURL brings the file of a URL to this node and returns its name in the mesh.
func (x *execution) nameURL(ctx context.Context, url string) ([]string, error) {
	if _, err := x.expandURL(ctx, "", url); err != nil {
		return nil, err
	}
	name, err := x.shell.cfg.Downloads.Name(url)
	return []string{string(name)}, err
}

// download shows how a URL gets into the mesh.
func (x *execution) download(ctx context.Context, url string, name wire.FileName) error {
	m := &meter{name: string(name), start: time.Now()}
	if x.client.watch != nil {
		stop := x.client.watch(m.rows)
		defer stop()
	}
	err := x.shell.cfg.Downloads.Fetch(ctx, url, m.tell)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("%w: the same URL goes on where it was, if its server can", cmp.Or(timedOut(ctx), ErrInterrupted))
	}
	return err
}

// credentials are what stands between the scheme of a URL and its host, also in
// a URL that was taken for a path, and cleaned as one.
var credentials = regexp.MustCompile(`(?i)(https?:/+)[^/\s?#]*@`)

// hideCredentials returns text as it may be kept and shown.
func hideCredentials(text string) string { return credentials.ReplaceAllString(text, "$1***@") }
