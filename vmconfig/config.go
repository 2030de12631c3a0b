package vmconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Config is one configuration, and those that were saved under a name.
type Config struct {
	filesDir string  // what relative paths are below
	fields   []Field // never changed

	mu     sync.Mutex // guards what follows
	values values
	saved  map[string]values
}

// values maps a field's name to its value. A field that is at its default has
// none. A scalar has one element, a Map or Pairs keys and values in turn.
type values map[string][]string

// New returns a Config with every field at its default. Relative paths are
// below filesDir.
func New(filesDir string) *Config {
	return &Config{filesDir: filesDir, fields: fields(), values: values{}, saved: map[string]values{}}
}

// Fields returns the table. The slice is the caller's.
func (c *Config) Fields() []Field { return slices.Clone(c.fields) }

// Field returns the field of that name or unambiguous prefix of a name. Its
// errors wrap [ErrUnknownField] or [ErrAmbiguous].
func (c *Config) Field(name string) (Field, error) {
	full, err := c.Resolve(name)
	if err != nil {
		return Field{}, err
	}
	i := slices.IndexFunc(c.fields, func(f Field) bool { return f.Name == full })
	return c.fields[i], nil
}

// Resolve returns a field's full name: `disk` is `disks`. Its errors are those
// of Field.
func (c *Config) Resolve(name string) (string, error) {
	var matches []string
	for _, f := range c.fields {
		if f.Name == name {
			return name, nil
		}
		if strings.HasPrefix(f.Name, name) {
			matches = append(matches, f.Name)
		}
	}
	if full, ok := aliases()[name]; ok {
		return full, nil
	}
	slices.Sort(matches)
	switch len(matches) {
	case 1:
		return matches[0], nil
	case 0:
		return "", fmt.Errorf("%w: %q: type `vm config` for all of them", ErrUnknownField, name)
	}
	return "", fmt.Errorf("%w: %q: must be one of %s", ErrAmbiguous, name, strings.Join(matches, ", "))
}

// Set gives a field a new value: one for a scalar, any number for a list, a
// key and a value for a map. The warning, where there is one, is about a path
// where nothing is yet; the value is set all the same. After an error, which
// wraps [ErrBadValue] or is one of Field's, nothing has changed.
func (c *Config) Set(field string, args []string) (warning string, err error) {
	f, err := c.Field(field)
	if err != nil {
		return "", err
	}
	value, paths, err := c.parse(f, args)
	if err != nil {
		return "", err
	}
	if err := c.put(f, value); err != nil {
		return "", err
	}
	return missing(paths), nil
}

// put gives f the value, of a map one key and its value.
func (c *Config) put(f Field, value []string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.conflictLocked(f.Name, value); err != nil {
		return err
	}
	if f.keyed() {
		value = putPair(c.values[f.Name], value[0], value[1])
	}
	c.values[f.Name] = value
	return nil
}

// parse returns args as the field holds them, and the paths among them.
func (c *Config) parse(f Field, args []string) (value, paths []string, err error) {
	for _, arg := range args {
		if f.check == nil {
			break
		}
		if err := f.check(arg); err != nil {
			return nil, nil, err
		}
	}
	switch f.Kind {
	case List, Specs:
		return slices.Clone(args), nil, nil
	case Disks:
		return c.parseDisks(args)
	case Map, Paths, Pairs:
		return c.parsePair(f, args)
	}
	if len(args) != 1 {
		return nil, nil, &ValueError{f.Name, "one value", strings.Join(args, " ")}
	}
	return c.parseScalar(f, args[0])
}

func (c *Config) parseScalar(f Field, arg string) (value, paths []string, err error) {
	text, err := f.scalar(arg)
	if err != nil {
		return nil, nil, err
	}
	isPath := f.Kind == Path || f.Kind == Command && strings.Contains(text, "/")
	if isPath && text != "" {
		text = c.path(text)
		paths = []string{text}
	}
	return []string{text}, paths, nil
}

func (c *Config) parseDisks(args []string) (value, paths []string, err error) {
	named := map[string]bool{}
	for _, spec := range args {
		file, options, _ := strings.Cut(spec, ",")
		file = c.path(file)
		if named[file] {
			return nil, nil, badValue("disk conflict: %s: must be named once, but is twice", file)
		}
		named[file] = true
		paths = append(paths, file)
		if options != "" {
			file += "," + options
		}
		value = append(value, file)
	}
	return value, paths, nil
}

func (c *Config) parsePair(f Field, args []string) (value, paths []string, err error) {
	if len(args) != 2 || args[0] == "" || f.Kind == Paths && args[1] == "" {
		return nil, nil, &ValueError{f.Name, f.Usage, strings.Join(args, " ")}
	}
	value = slices.Clone(args)
	if f.Kind == Paths {
		value[1] = c.path(value[1])
		paths = value[1:]
	}
	return value, paths, nil
}

// path returns name below the files directory, unless it is absolute.
func (c *Config) path(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(c.filesDir, name)
}

// maxMissing is how many paths a warning names.
const maxMissing = 16

// missing warns of paths where nothing is.
func missing(paths []string) string {
	var gone []string
	for _, p := range paths {
		if _, err := os.Stat(p); errors.Is(err, fs.ErrNotExist) {
			gone = append(gone, p)
		}
	}
	switch more := len(gone) - maxMissing; {
	case len(gone) == 0:
		return ""
	case more > 0:
		gone = append(gone[:maxMissing], fmt.Sprintf("and %d more", more))
	}
	return "file does not exist: " + strings.Join(gone, ", ")
}

// conflictLocked refuses the two fields that say where to run from being set
// at once; one that is empty says nothing.
func (c *Config) conflictLocked(field string, value []string) error {
	other := map[string]string{"schedule": "colocate", "colocate": "schedule"}[field]
	if other != "" && strings.Join(value, "") != "" && strings.Join(c.values[other], "") != "" {
		return badValue("cannot specify colocate and schedule in the same config: `clear vm config %s` first", other)
	}
	return nil
}

// putPair returns a copy of pairs in which key has value.
func putPair(pairs []string, key, value string) []string {
	pairs = slices.Clone(pairs)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i] == key {
			pairs[i+1] = value
			return pairs
		}
	}
	return append(pairs, key, value)
}

// Clear puts a field back to its default.
func (c *Config) Clear(field string) error {
	f, err := c.Field(field)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.values, f.Name)
	return nil
}

// ClearKey removes one key of a map; one that is not there is no error. Its
// errors wrap [ErrBadValue], of a field without keys, or are Field's.
func (c *Config) ClearKey(field, key string) error {
	f, err := c.Field(field)
	if err != nil {
		return err
	}
	if !f.keyed() {
		return badValue("clear vm config %s: must name no key, but names %q: type clear vm config %s", f.Name, key, f.Name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var kept []string
	pairs := c.values[f.Name]
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] != key {
			kept = append(kept, pairs[i:i+2]...)
		}
	}
	c.values[f.Name] = kept
	return nil
}

// Keys returns the keys that a map has, in the order in which they came; none
// of a field that is no map. Its errors are those of Field.
func (c *Config) Keys(field string) ([]string, error) {
	f, err := c.Field(field)
	if err != nil {
		return nil, err
	}
	if !f.keyed() {
		return nil, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var keys []string
	for i := 0; i+1 < len(c.values[f.Name]); i += 2 {
		keys = append(keys, c.values[f.Name][i])
	}
	return keys, nil
}

// ClearAll puts every field back to its default; what was saved stays.
func (c *Config) ClearAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.values)
}
