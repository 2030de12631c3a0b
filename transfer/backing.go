package transfer

import (
	"fmt"
	"path"
	"strings"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// mayBack reports whether a file here is an image with a backing file.
func (e *Engine) mayBack(name wire.FileName) bool {
	src, err := e.cfg.Store.Source(name)
	if err != nil {
		return false
	}
	defer src.Close()
	backing, err := store.BackingFile(src)
	return err != nil || backing != ""
}

// chain adds the backing file of an image that is here.
func (j *Job) chain(name wire.FileName) error {
	src, err := j.e.cfg.Store.Source(name)
	if err != nil {
		return err
	}
	defer src.Close()
	backing, err := store.BackingFile(src)
	return j.chained(name, backing, err)
}

// chained adds what an image says, if it could be read, that it is a layer over.
func (j *Job) chained(name wire.FileName, backing string, err error) error {
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", name, err)
	case backing == "":
		return nil
	}
	return j.backing(name, backing)
}

// backing adds the image that another one is a layer over.
func (j *Job) backing(image wire.FileName, backing string) error {
	name, err := j.e.backingName(image, backing)
	if err != nil {
		return err
	}
	j.mu.Lock()
	known := j.files[name] != nil
	j.mu.Unlock()
	if known {
		return nil
	}
	items, _, err := j.e.resolve(j.ctx, string(name), Pick{})
	if err != nil {
		return fmt.Errorf("backing image of %s: %w", image, err)
	}
	j.mu.Lock()
	for _, it := range items {
		if it.kind == wire.KindFile && j.files[it.name] == nil {
			j.files[it.name] = &file{item: it}
		}
	}
	j.mu.Unlock()
	j.add(items)
	return nil
}

// backingName returns the name, in the files directory, of what an image calls
// its backing file: relative to the image, or an absolute path inside.
func (e *Engine) backingName(image wire.FileName, backing string) (wire.FileName, error) {
	outside := fmt.Errorf("backing image %s: outside the files directory", backing)
	at := path.Join(path.Dir(string(image)), backing)
	if path.IsAbs(backing) {
		below, ok := strings.CutPrefix(path.Clean(backing), e.cfg.Store.Dir()+"/")
		if !ok {
			return "", outside
		}
		at = below
	}
	if at == ".." || strings.HasPrefix(at, "../") {
		return "", outside
	}
	return wire.ParseFileName(at)
}
