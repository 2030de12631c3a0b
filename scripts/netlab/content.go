package netlab

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
)

// Content is what a made file holds.
type Content string

// The contents that [MakeFile] knows.
const (
	Random Content = "random" // incompressible
	Text   Content = "text"   // words, which compress well
	Zero   Content = "zero"   // zeros, written out
	Sparse Content = "sparse" // zeros, as one hole
	Image  Content = "image"  // one MiB in eight is random, the rest holes
)

// MakeFile writes a file of size bytes that is the same for the same seed.
func MakeFile(path string, size int64, content Content, seed uint64) (err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	switch content {
	case Random, Text, Zero:
		return fill(f, size, source(content, seed))
	case Sparse:
		return f.Truncate(size)
	case Image:
		return fillImage(f, size, seed)
	}
	return fmt.Errorf("content: must be random, text, zero, sparse or image, but is %q", content)
}

// fill writes size bytes of a source.
func fill(w io.Writer, size int64, r io.Reader) error {
	b := bufio.NewWriterSize(w, 1<<20)
	if _, err := io.CopyN(b, r, size); err != nil {
		return err
	}
	return b.Flush()
}

// fillImage writes a MiB of random bytes at every eighth MiB.
func fillImage(f *os.File, size int64, seed uint64) error {
	const mib = 1 << 20
	if err := f.Truncate(size); err != nil {
		return err
	}
	r := source(Random, seed)
	for at := int64(0); at < size; at += 8 * mib {
		if err := fill(io.NewOffsetWriter(f, at), min(mib, size-at), r); err != nil {
			return err
		}
	}
	return nil
}

// source returns an endless reader of a content.
func source(content Content, seed uint64) io.Reader {
	var key [32]byte
	for i := range 8 {
		key[i] = byte(seed >> (8 * i))
	}
	switch r := rand.NewChaCha8(key); content {
	case Random:
		return r
	case Text:
		return &words{rand: rand.New(r)}
	default:
		return zeros{}
	}
}

// zeros reads as zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// words reads as lines of words.
type words struct {
	rand *rand.Rand
	rest []byte
}

func (w *words) Read(p []byte) (int, error) {
	list := [...]string{"image", "disk", "node", "mesh", "part", "network", "kernel", "static int", "return 0;", "struct", "\n"}
	for len(w.rest) < len(p) {
		w.rest = append(w.rest, list[w.rand.IntN(len(list))]...)
		w.rest = append(w.rest, ' ')
	}
	n := copy(p, w.rest)
	w.rest = w.rest[:copy(w.rest, w.rest[n:])]
	return n, nil
}

// Sum returns the SHA-256 of a file, in hex.
func Sum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
