package mesh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Key is the secret that the nodes of one mesh share: whoever has it is in.
type Key [32]byte

// ErrKey reports a key file that cannot be used; the message says what to type.
var ErrKey = errors.New("mesh key")

// DefaultKeyPath returns where the key lies unless the user says otherwise:
// /etc/minimega/mesh.key for root, ~/.config/minimega/mesh.key for others.
func DefaultKeyPath() (string, error) {
	if os.Geteuid() == 0 {
		return "/etc/minimega/mesh.key", nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("%w: no home directory to keep it in: %w", ErrKey, err)
	}
	return filepath.Join(home, ".config", "minimega", "mesh.key"), nil
}

// LoadKey reads the key in the file path, which holds 32 bytes or their 64 hex
// digits. Where there is no file it makes one with a fresh key, in hex, mode
// 0600, and the missing directories, mode 0700; of several processes that do so
// at once, one wins and all return its key. A file that somebody else may read
// or owns is refused with an error that wraps [ErrKey].
func LoadKey(path string) (Key, error) {
	key, err := readKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := createKey(path); err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	return readKey(path)
}

// OpenKey returns the key of a mesh that anybody may join who knows its
// context's name.
func OpenKey(context string) Key {
	return sha256.Sum256([]byte("minimega open mesh\x00" + context))
}

func readKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	defer f.Close()
	if err := checkOwner(f, path); err != nil {
		return Key{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, 256))
	if err != nil {
		return Key{}, fmt.Errorf("%w: %w", ErrKey, err)
	}
	if len(b) == len(Key{}) {
		return Key(b), nil
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("%w: %s: must be 32 bytes or 64 hex digits: copy it again, or delete it and start anew", ErrKey, path)
	}
	return Key(raw), nil
}

// checkOwner refuses a key that others than its owner may read, or that
// belongs to somebody else than us and root.
func checkOwner(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKey, err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: %s: must be a regular file, but is %v", ErrKey, path, info.Mode().Type())
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: %s: must be for its owner alone, but has mode %04o: chmod 600 %s", ErrKey, path, mode, path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%w: %s: must be yours, but belongs to user %d: chown %d %s", ErrKey, path, st.Uid, os.Geteuid(), path)
	}
	return nil
}

// createKey publishes a fresh key as path unless something is there already.
// The file gets its name only once it is complete.
func createKey(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".mesh.key-") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	var key Key
	rand.Read(key[:])
	_, err = fmt.Fprintf(f, "%x\n", key[:])
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// derive returns 32 bytes for one purpose.
func (k Key) derive(purpose string) ([]byte, error) {
	return hkdf.Key(sha256.New, k[:], nil, "minimega mesh 1 "+purpose, 32)
}

// tag returns what a node announces so that nodes of its mesh know it: it tells
// nothing to those who do not have the key.
func (k Key) tag(context string) string {
	mac := hmac.New(sha256.New, k[:])
	io.WriteString(mac, "mdns"+context)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
