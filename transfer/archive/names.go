package archive

import (
	"archive/tar"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"minimega/mesh/wire"
)

// cleanName returns an entry's name as it is made, "" for what all entries lie
// in, and whether its normal form was another.
func cleanName(raw string) (name string, renamed bool, err error) {
	if strings.HasPrefix(raw, "/") {
		return "", false, fmt.Errorf("%w: its name is absolute", ErrUnsafe)
	}
	clean, err := wire.ParseFileName(raw)
	if err != nil {
		return "", false, fmt.Errorf("%w: %w", ErrUnsafe, err)
	}
	return string(clean), string(clean) != path.Clean(raw), nil
}

// name checks and notes an entry's name.
func (x *extraction) name(h *tar.Header) (string, error) {
	name, renamed, err := cleanName(h.Name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", shown(h.Name), err)
	}
	if name == "" { // "./"
		return "", nil
	}
	top, below, _ := strings.Cut(name, "/")
	switch {
	case x.top != "" && top != x.top:
		return "", fmt.Errorf("%w, but holds %s and %s", ErrTop, shown(x.top), shown(top))
	case below == "" && h.Typeflag != tar.TypeDir:
		return "", fmt.Errorf("%w, but %s is none", ErrTop, shown(top))
	}
	x.top = top
	return name, x.note(name, renamed, h)
}

// note keeps what name is, and refuses what it cannot be any more.
func (x *extraction) note(name string, renamed bool, h *tar.Header) error {
	kind := h.Typeflag
	switch {
	case kind == tar.TypeGNUSparse:
		kind = tar.TypeReg
	case kind == tar.TypeLink:
		kind = tar.TypeReg
		if old, _, err := cleanName(h.Linkname); err == nil && x.seen[old].kind == tar.TypeSymlink {
			kind = tar.TypeSymlink
		}
	}
	was, again := x.seen[name]
	switch {
	case again && (renamed || was.renamed) && kind != tar.TypeDir:
		return fmt.Errorf("%s: %w: another name has the same normal form", shown(name), ErrUnsafe)
	case again && was.kind != kind:
		return fmt.Errorf("%s: %w: the name is that of two things", shown(name), ErrUnsafe)
	case !again && kind == tar.TypeDir: // makeDir keeps it, once it is made
		if renamed {
			x.seen[name] = seen{kind: kind, renamed: true}
		}
	default:
		x.seen[name] = seen{kind, renamed}
	}
	return nil
}

// parents makes the directories above name where they are missing.
func (x *extraction) parents(name string) error {
	above := path.Dir(name)
	if above == "." {
		return nil
	}
	if _, ok := x.dirs[above]; ok {
		return nil
	}
	if was, ok := x.seen[above]; ok && was.kind != tar.TypeDir {
		return fmt.Errorf("%w: it lies below %s, which is no directory", ErrUnsafe, shown(above))
	}
	return x.makeDir(above)
}

// link keeps a symbolic link to be made in the end.
func (x *extraction) link(name, raw string) error {
	if err := x.parents(name); err != nil {
		return err
	}
	target, err := x.target(name, raw)
	if err != nil {
		return err
	}
	x.links[name] = target
	return nil
}

// target returns what the link name leads to: a clean path that does not leave
// the top-level directory. An absolute one begins there.
func (x *extraction) target(name, raw string) (string, error) {
	outside := fmt.Errorf("%w: its target %s leads outside the top-level directory", ErrUnsafe, shown(raw))
	full := path.Join(path.Dir(name), raw)
	if path.IsAbs(raw) {
		full = path.Join(x.top, path.Clean(raw))
	}
	if raw == "" || full != x.top && !strings.HasPrefix(full, x.top+"/") {
		return "", outside
	}
	clean, err := wire.ParseFileName(full)
	if err != nil {
		return "", fmt.Errorf("%w: its target: %w", ErrUnsafe, err)
	}
	return relativeTo(path.Dir(name), string(clean)), nil
}

// relative returns the target of the link old as it is seen from name.
func relative(old, name, target string) string {
	return relativeTo(path.Dir(name), path.Join(path.Dir(old), target))
}

// relativeTo returns the way from dir to full, which are clean and relative.
func relativeTo(dir, full string) string {
	way, err := filepath.Rel(dir, full)
	if err != nil { // there is always one between relative paths without ".."
		return full
	}
	return way
}

// deepestFirst returns what is inside a directory before it.
func deepestFirst(dirs map[string]dir) []string {
	names := slices.Sorted(maps.Keys(dirs))
	slices.Reverse(names)
	return names
}

// shown returns a name of an archive for a message: on one line, not too long.
func shown(name string) string {
	const most = 100
	if len(name) > most {
		name = name[:most] + "…"
	}
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
