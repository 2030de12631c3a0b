package disk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// Info is what qemu-img knows of an image.
type Info struct {
	Image       string // path
	Format      string
	VirtualSize int64  // bytes that a machine sees
	DiskSize    int64  // bytes that it takes
	Backing     string // as the image names it, or ""
	InUse       bool   // a program has it open for writing
}

// info is qemu-img's own form of it.
type info struct {
	Filename    string `json:"filename"`
	Format      string `json:"format"`
	VirtualSize int64  `json:"virtual-size"`
	ActualSize  int64  `json:"actual-size"`
	Backing     string `json:"backing-filename"`
}

// Info returns what is known of an image, as the only element.
func (m Images) Info(ctx context.Context, name string) ([]Info, error) {
	return m.info(ctx, name)
}

// Chain is [Images.Info] of an image and all below it, in that order.
func (m Images) Chain(ctx context.Context, name string) ([]Info, error) {
	return m.info(ctx, name, "--backing-chain")
}

func (m Images) info(ctx context.Context, name string, flags ...string) ([]Info, error) {
	path, err := m.Path(name)
	if err != nil {
		return nil, err
	}
	text, inUse, err := look(ctx, path, flags...)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(strings.TrimSpace(string(text)), "[") {
		text = []byte("[" + string(text) + "]")
	}
	var found []info
	if err := json.Unmarshal(text, &found); err != nil {
		return nil, fmt.Errorf("[image %s] what qemu-img prints is not understood: %w", path, err)
	}
	var all []Info
	for _, i := range found {
		all = append(all, Info{cleaned(i.Filename), i.Format, i.VirtualSize, i.ActualSize, i.Backing, inUse})
		inUse = false // what is below is only read
	}
	return all, nil
}

// cleaned returns a path without what joining it with ./NAME left in it;
// qemu-img has other names, such as json:…, too.
func cleaned(name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return name
}

// look runs qemu-img info, also on an image that is in use.
func look(ctx context.Context, path string, flags ...string) (text []byte, inUse bool, err error) {
	args := append([]string{"info", "--output=json"}, flags...)
	text, err = qemuImg(ctx, path, append(args, path)...)
	var failed *Error
	if errors.As(err, &failed) && strings.Contains(failed.Text, "lock") {
		text, err = qemuImg(ctx, path, append(args, "-U", path)...)
		return text, true, err
	}
	return text, false, err
}

// format returns the format of the image at path.
func format(ctx context.Context, path string) (string, error) {
	text, _, err := look(ctx, path)
	if err != nil {
		return "", err
	}
	var found info
	if err := json.Unmarshal(text, &found); err != nil || found.Format == "" {
		return "", fmt.Errorf("[image %s] its format is not known: %w", path, err)
	}
	return found.Format, nil
}
