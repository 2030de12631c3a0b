package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"minimega/mesh/wire"
	"minimega/transfer/digest"
)

// A transfer directory holds data, manifest and journal; instead of the last two
// it has draft while the hashes of what is fetched are not known.
//
// data is as long as the file will be, with holes for what is missing.
//
// manifest says what is fetched. Integers are big endian.
//
//	offset  size  field
//	0       8     "mmpart", 0, 1 (the version of the format)
//	8       8     size, in bytes
//	16      8     modification time, Unix time in ns
//	24      4     permission bits
//	28      4     chunk size
//	32      4     N, the length of the name
//	36      N     name
//	36+N    32 n  the hash of each chunk
//	..      32    BLAKE3 of all before
//
// draft is a manifest file that begins with "mmdrft", 0, 1 and names no hashes.
//
// journal says which chunks were on the disk when each record was written. It
// is a head and then records of one length; those that do not check are passed
// over, because every record stands for itself.
//
//	offset  size  field
//	0       8     "mmjrnl", 0, 1
//	8       32    version of the manifest
//	40      16 r  records
//
//	offset  size  field of a record
//	0       4     first chunk
//	4       4     number of chunks, from there on
//	8       8     the first bytes of the BLAKE3 of: the version, the record's
//	              offset in the journal (8 bytes), the two fields before
const (
	dataName     = "data"
	manifestName = "manifest"
	draftName    = "draft"
	journalName  = "journal"

	manifestMagic = "mmpart\x00\x01"
	draftMagic    = "mmdrft\x00\x01"
	manifestFixed = 36
	journalMagic  = "mmjrnl\x00\x01"
	journalHead   = 40
	journalRecord = 16

	// maxManifest bounds a manifest file, in bytes.
	maxManifest = manifestFixed + wire.MaxFileName + wire.MaxChunks*wire.HashSize + wire.HashSize
	// maxJournal bounds what is read of a journal, in bytes: it holds a record
	// for each chunk, several times.
	maxJournal = journalHead + 4*journalRecord*wire.MaxChunks
)

// encodeManifest returns what is in a manifest file.
func encodeManifest(name wire.FileName, meta wire.Meta, m *Manifest) []byte {
	return encode(manifestMagic, name, meta, m, m.Hashes)
}

func encode(magic string, name wire.FileName, meta wire.Meta, m *Manifest, hashes []byte) []byte {
	b := make([]byte, 0, manifestFixed+len(name)+len(hashes)+wire.HashSize)
	b = append(b, magic...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.Size))
	b = binary.BigEndian.AppendUint64(b, uint64(meta.ModTime))
	b = binary.BigEndian.AppendUint32(b, meta.Mode)
	b = binary.BigEndian.AppendUint32(b, m.ChunkSize)
	b = binary.BigEndian.AppendUint32(b, uint32(len(name)))
	b = append(b, name...)
	b = append(b, hashes...)
	sum := digest.Sum(b)
	return append(b, sum[:]...)
}

// decodeManifest reads what encodeManifest wrote; the manifest keeps b.
func decodeManifest(b []byte) (wire.FileName, wire.Meta, *Manifest, error) {
	name, meta, m, err := decode(manifestMagic, b)
	if err == nil {
		err = m.Check()
	}
	return name, meta, m, err
}

// decodeDraft reads a draft file.
func decodeDraft(b []byte) (wire.FileName, wire.Meta, *Manifest, error) {
	name, meta, m, err := decode(draftMagic, b)
	if err == nil && len(m.Hashes) > 0 {
		err = fmt.Errorf("draft: %w", errDamaged)
	}
	if err != nil {
		return name, meta, nil, err
	}
	m, err = NewDraft(m.Size, m.ChunkSize)
	return name, meta, m, err
}

func decode(magic string, b []byte) (wire.FileName, wire.Meta, *Manifest, error) {
	var meta wire.Meta
	end := len(b) - wire.HashSize
	if end < manifestFixed || string(b[:len(magic)]) != magic {
		return "", meta, nil, fmt.Errorf("manifest: %w", errDamaged)
	}
	if sum := digest.Sum(b[:end]); string(sum[:]) != string(b[end:]) {
		return "", meta, nil, fmt.Errorf("manifest: %w", errDamaged)
	}
	n := int64(binary.BigEndian.Uint32(b[32:]))
	if n > int64(end-manifestFixed) {
		return "", meta, nil, fmt.Errorf("manifest: name: %w", errDamaged)
	}
	name := wire.FileName(b[manifestFixed : manifestFixed+n])
	m := &Manifest{
		Size:      int64(binary.BigEndian.Uint64(b[8:])),
		ChunkSize: binary.BigEndian.Uint32(b[28:]),
		Hashes:    b[manifestFixed+n : end],
	}
	meta = wire.Meta{Size: m.Size, ModTime: int64(binary.BigEndian.Uint64(b[16:])), Mode: binary.BigEndian.Uint32(b[24:])}
	return name, meta, m, checkName(name)
}

// writeManifest writes the manifest file, not yet to the disk.
func (p *Partial) writeManifest() error {
	return p.write(manifestName, encodeManifest(p.name, p.meta, p.m))
}

// write makes a small file in the transfer directory.
func (p *Partial) write(name string, b []byte) error {
	f, err := p.create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Close())
}

// syncManifest makes the manifest file survive a power loss.
func (p *Partial) syncManifest() error {
	f, err := p.store.root.OpenFile(path.Join(p.dir, manifestName), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return errors.Join(datasync(f), f.Close())
}

// journal is an open journal file.
type journal struct {
	f       *os.File
	version wire.Version
	size    int64 // bytes that hold
	based   bool  // the manifest file and the directory are on the disk
}

// begin writes the head of a new journal.
func (j *journal) begin(v wire.Version) error {
	j.version, j.size = v, journalHead
	_, err := j.f.WriteAt(append([]byte(journalMagic), v[:]...), 0)
	return err
}

// append writes records for chunks, in runs, to the disk. Where that fails the
// next one overwrites what it left.
func (j *journal) append(chunks []uint32) error {
	slices.Sort(chunks)
	var b []byte
	for from := 0; from < len(chunks); {
		to := from + 1
		for to < len(chunks) && chunks[to] == chunks[to-1]+1 {
			to++
		}
		b = appendClaim(b, j.version, j.size+int64(len(b)), chunks[from], uint32(to-from))
		from = to
	}
	if _, err := j.f.WriteAt(b, j.size); err != nil {
		return err
	}
	if err := datasync(j.f); err != nil {
		return err
	}
	j.size += int64(len(b))
	return nil
}

// appendClaim appends the record at offset off of a journal.
func appendClaim(b []byte, v wire.Version, off int64, first, count uint32) []byte {
	b = binary.BigEndian.AppendUint32(b, first)
	b = binary.BigEndian.AppendUint32(b, count)
	check := claimCheck(v, off, b[len(b)-8:])
	return append(b, check[:]...)
}

func claimCheck(v wire.Version, off int64, fields []byte) [8]byte {
	b := append(make([]byte, 0, 48), v[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(off))
	sum := digest.Sum(append(b, fields...))
	return [8]byte(sum[:])
}

// replay calls claim for each run of chunks that the journal b holds for a
// manifest of that version and number of chunks, and returns how many bytes
// of b to keep: whole records.
func replay(b []byte, v wire.Version, chunks int, claim func(first, count int)) (int64, error) {
	if len(b) < journalHead || string(b[:8]) != journalMagic || string(b[8:journalHead]) != string(v[:]) {
		return 0, fmt.Errorf("journal: %w", errDamaged)
	}
	off := journalHead
	for ; off+journalRecord <= len(b); off += journalRecord {
		r := b[off : off+journalRecord]
		first, count := binary.BigEndian.Uint32(r), binary.BigEndian.Uint32(r[4:])
		if claimCheck(v, int64(off), r[:8]) != [8]byte(r[8:]) || uint64(first)+uint64(count) > uint64(chunks) {
			continue
		}
		claim(int(first), int(count))
	}
	return int64(off), nil
}

// readAll reads a file of the transfer directory of at most limit bytes.
func readAll(f *os.File, limit int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > limit {
		return nil, fmt.Errorf("%s of %d bytes: %w", path.Base(f.Name()), info.Size(), errDamaged)
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
