package vmconfig

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// ErrNotSaved reports a name under which no configuration was saved.
var ErrNotSaved = errors.New("config is not saved")

// notSaved is [ErrNotSaved] with the name.
type notSaved string

func (name notSaved) Error() string {
	return fmt.Sprintf("config %s does not exist: vm config restore lists what was saved", string(name))
}

// Unwrap returns [ErrNotSaved].
func (notSaved) Unwrap() error { return ErrNotSaved }

// Save keeps the configuration as it is under name, which must not be empty:
// the error wraps [ErrBadValue].
func (c *Config) Save(name string) error {
	if name == "" {
		return badValue("vm config save: must be a name, but is %q", name)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved[name] = maps.Clone(c.values)
	return nil
}

// Restore brings back what was saved under name; the error is [ErrNotSaved].
func (c *Config) Restore(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	saved, ok := c.saved[name]
	if !ok {
		return notSaved(name)
	}
	c.values = maps.Clone(saved)
	return nil
}

// Saved returns the names under which configurations were saved, sorted.
func (c *Config) Saved() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Sorted(maps.Keys(c.saved))
}
