package store

import (
	"bytes"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"minimega/mesh/wire"
)

func TestManifestFileBytes(t *testing.T) {
	m := &Manifest{Size: 70_000, ChunkSize: 65_536, Hashes: append(bytes.Repeat([]byte{0xaa}, 32), bytes.Repeat([]byte{0xbb}, 32)...)}
	got := encodeManifest("d/f", wire.Meta{Mode: 0o640, ModTime: 1}, m)
	want := "6d6d706172740001" + // "mmpart", version 1
		"0000000000011170" + // size
		"0000000000000001" + // modification time
		"000001a0" + // permission bits
		"00010000" + // chunk size
		"00000003" + "642f66" + // name
		strings.Repeat("aa", 32) + strings.Repeat("bb", 32)
	if body := got[:len(got)-32]; hex.EncodeToString(body) != want {
		t.Errorf("%x", body)
	}
	const sum = "d90fb1a55ec7cdfdc8160531cf014f3a0a7180904a8f477c652ec4429d1caa65"
	if hex.EncodeToString(got[len(got)-32:]) != sum {
		t.Errorf("%x", got[len(got)-32:])
	}
	name, meta, back, err := decodeManifest(got)
	if err != nil || name != "d/f" || meta != (wire.Meta{Size: 70_000, Mode: 0o640, ModTime: 1}) || back.Version() != m.Version() {
		t.Error(name, meta, back, err)
	}
	for n := range got {
		bad := bytes.Clone(got)
		bad[n] ^= 1 << (n % 8)
		if _, _, _, err := decodeManifest(bad); err == nil {
			t.Errorf("a flip in byte %d goes unseen", n)
		}
		if _, _, _, err := decodeManifest(got[:n]); err == nil {
			t.Errorf("%d bytes are enough", n)
		}
	}
}

func TestJournalBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "j")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	j := journal{f: f}
	v := wire.Version(bytes.Repeat([]byte{0xcc}, 32))
	if err := errors.Join(j.begin(v), j.append([]uint32{9, 2, 3, 1})); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "6d6d6a726e6c0001" + // "mmjrnl", version 1
		strings.Repeat("cc", 32) + // version of the manifest
		"00000001" + "00000003" + "6e6037d2518fd67f" + // chunks 1 to 3
		"00000009" + "00000001" + "3be7ffab000ff0d6" // chunk 9
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x", got)
	}
}

// claims returns what a journal claims of a version of chunks chunks.
func claims(b []byte, v wire.Version, chunks int) map[int]bool {
	found := map[int]bool{}
	replay(b, v, chunks, func(first, count int) { // an error claims nothing
		for i := first; i < first+count; i++ {
			found[i] = true
		}
	})
	return found
}

// testJournal returns a journal and what it claims.
func testJournal(t testing.TB, v wire.Version) ([]byte, map[int]bool) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "j")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	j := journal{f: f}
	if err := errors.Join(j.begin(v), j.append([]uint32{0, 1, 2, 40}), j.append([]uint32{99}), j.append([]uint32{50, 51, 60})); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b, claims(b, v, 100)
}

// FuzzJournalReplay: a journal that was cut anywhere, overwritten anywhere, or
// mixed with itself claims nothing that it did not claim before.
func FuzzJournalReplay(f *testing.F) {
	v := wire.Version(bytes.Repeat([]byte{0xcc}, 32))
	good, real := testJournal(f, v)
	f.Add(uint16(40), uint16(50), []byte{1})
	f.Add(uint16(65535), uint16(44), []byte{0, 0, 0, 100})
	f.Add(uint16(70), uint16(0), []byte{})
	f.Add(uint16(65535), uint16(56), good[40:56]) // a record moved
	f.Add(uint16(65535), uint16(len(good)), good[40:])
	f.Fuzz(func(t *testing.T, cut, at uint16, xor []byte) {
		b := bytes.Clone(good[:min(int(cut), len(good))])
		for i, x := range xor {
			if p := int(at) + i; p < len(b) {
				b[p] ^= x
			} else {
				b = append(b, x)
			}
		}
		for i := range claims(b, v, 100) {
			if !real[i] {
				t.Fatalf("chunk %d is claimed", i)
			}
		}
		for i := range claims(b, v, 50) {
			if i >= 50 {
				t.Fatalf("chunk %d of 50 is claimed", i)
			}
		}
		if len(claims(b, wire.Version{1}, 100)) > 0 {
			t.Fatal("another version's chunks are claimed")
		}
	})
}

// crash copies a files directory, as it is in the middle of everything, into a
// new one: what a killed process leaves.
func crash(t testing.TB, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return to
}

// leftover reopens the one partial file in dir.
func leftover(t testing.TB, dir string) *Partial {
	t.Helper()
	got, err := open(t, dir).Leftovers()
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	t.Cleanup(func() { got[0].Abandon() })
	return got[0]
}

func TestAKilledTransferGoesOnWhereItWas(t *testing.T) {
	data := noise(4<<20, 1)
	copy(data[1<<20:], make([]byte, 256<<10))
	m := manifestOf(t, data)
	dir := t.TempDir()
	s := open(t, dir)
	p := create(t, s, "d/f", m)
	for i := 0; i < m.Count(); i += 2 {
		if err := p.WriteChunk(i, chunk(m, data, i)); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	had := p.Have()
	q := leftover(t, crash(t, dir))
	if q.Name() != "d/f" || q.Meta() != p.Meta() || q.Manifest().Version() != m.Version() {
		t.Error(q.Name(), q.Meta())
	}
	if !bytes.Equal(q.Have(), had) || q.Count() != p.Count() || q.lacks() != p.lacks() {
		t.Errorf("%d chunks held, %d before", q.Count(), p.Count())
	}
	if err := q.Sync(); err != nil {
		t.Fatal(err)
	}
	fill(t, q, data)
	if err := errors.Join(q.Sync(), q.Publish()); err != nil {
		t.Fatal(err)
	}
	mustRead(t, q.store.Path("d/f"), data)
}

// TestNoCrashClaimsWhatIsNotThere cuts the journal at every byte and flips one
// in every byte, with data that was lost from some point on: whatever is held
// then is right.
func TestNoCrashClaimsWhatIsNotThere(t *testing.T) {
	data := noise(1<<20, 1)
	m := manifestOf(t, data)
	dir := t.TempDir()
	s := open(t, dir)
	p := create(t, s, "f", m)
	for i := range 8 {
		if err := p.WriteChunk(i, chunk(m, data, i)); err != nil {
			t.Fatal(err)
		}
		if i%3 == 2 {
			if err := p.Sync(); err != nil {
				t.Fatal(err)
			}
		}
	}
	to := crash(t, dir)
	files, err := filepath.Glob(filepath.Join(to, "transfer_*", journalName))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	good, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.OpenFile(filepath.Join(filepath.Dir(files[0]), dataName), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, err := content.WriteAt(noise(64<<10, 9), 6<<16); err != nil { // chunk 6 was never synced
		t.Fatal(err)
	}
	check := func(what string, n int, b []byte) {
		if err := os.WriteFile(files[0], b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := Open(to, s.log)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		got, err := s.Leftovers()
		if err != nil || len(got) != 1 {
			t.Fatalf("%s at %d: %v, %v", what, n, got, err)
		}
		defer got[0].closeFiles()
		if got[0].Count() != 7 { // all but the lost one, from data or journal
			t.Fatalf("%s at %d: %d chunks", what, n, got[0].Count())
		}
		for i := range m.Count() {
			if part, err := got[0].ReadChunk(i, nil); err == nil && !m.Verify(i, part) {
				t.Fatalf("%s at %d: chunk %d is wrong", what, n, i)
			}
		}
	}
	for n := range len(good) + 1 {
		check("cut", n, good[:n])
	}
	for n := range good {
		b := bytes.Clone(good)
		b[n] ^= 1 << (n % 8)
		check("flipped", n, b)
	}
}

func TestUselessDirectoriesAreRemovedAndUsedOnesLeft(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	data := noise(200<<10, 1)
	m := manifestOf(t, data)
	for name, spoil := range map[string]func(dir string) error{
		"nothing in it":  func(d string) error { return errors.Join(os.RemoveAll(d), os.Mkdir(d, 0o700)) },
		"no manifest":    func(d string) error { return os.Remove(filepath.Join(d, manifestName)) },
		"cut manifest":   func(d string) error { return os.Truncate(filepath.Join(d, manifestName), 50) },
		"no data":        func(d string) error { return os.Remove(filepath.Join(d, dataName)) },
		"short data":     func(d string) error { return os.Truncate(filepath.Join(d, dataName), 5) },
		"data is a link": func(d string) error { return relink(filepath.Join(d, dataName), "/etc/passwd") },
		"a leading link": func(d string) error { return relink(filepath.Join(d, manifestName), "../../x") },
	} {
		p := create(t, s, "f", m)
		if err := errors.Join(p.Close(), spoil(p.Dir())); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Leftovers(); err != nil || len(got) > 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if _, err := os.Stat(p.Dir()); !os.IsNotExist(err) {
			t.Errorf("%s: is still there", name)
		}
	}
	p := create(t, s, "f", m)
	for _, other := range []*Store{s, open(t, dir)} {
		if got, err := other.Leftovers(); err != nil || len(got) > 0 {
			t.Errorf("a file in use was taken: %v, %v", got, err)
		}
	}
	fill(t, p, data)
	if err := p.Publish(); err != nil {
		t.Error(err)
	}
	put(t, dir, "transfer_notours", nil)
	put(t, dir, "sub/transfer_5/x", nil)
	if _, err := s.Leftovers(); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"transfer_notours", "sub/transfer_5/x"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
}

func relink(path, target string) error {
	return errors.Join(os.Remove(path), os.Symlink(target, path))
}

func TestAClosedTransferIsALeftover(t *testing.T) {
	data := noise(200<<10, 1)
	dir := t.TempDir()
	s := open(t, dir)
	p := create(t, s, "f", manifestOf(t, data))
	fill(t, p, data)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := s.Leftovers()
	if err != nil || len(got) != 1 {
		t.Fatal(got, err)
	}
	if err := got[0].Publish(); err != nil {
		t.Fatal(err)
	}
	mustRead(t, s.Path("f"), data)
	empty(t, s)
}
