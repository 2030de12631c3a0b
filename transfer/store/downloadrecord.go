package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"time"

	"minimega/mesh/wire"
)

// The record of a download is a file beside its data, replaced by rename:
//
//	{"v":1,"name":N,"source":S,"stamp":{"size":Z,"tag":T,"modified":M},"held":H}
//
// one JSON object of at most maxRecord bytes. The first H bytes of data are on
// the disk. Z is -1 or at least H, T is not empty. There is no record while T
// would be: nothing of such a download can be used later, and Leftovers removes
// it. So it does with one that nobody has asked for again in recordAge.
const (
	recordName = "download"
	maxRecord  = 16 << 10
	recordAge  = 7 * 24 * time.Hour
)

type record struct {
	V      int           `json:"v"`
	Name   wire.FileName `json:"name"`
	Source string        `json:"source"`
	Stamp  Stamp         `json:"stamp"`
	Held   int64         `json:"held"`
}

// readRecord returns the record in a transfer directory; its error wraps
// errDamaged where it is not one.
func (s *Store) readRecord(dir string) (record, error) {
	b, err := s.readOwn(path.Join(dir, recordName), maxRecord)
	if err != nil {
		return record{}, err
	}
	return decodeRecord(b)
}

func decodeRecord(b []byte) (record, error) {
	var rec record
	if err := json.Unmarshal(b, &rec); err != nil {
		return record{}, fmt.Errorf("%w: download record: %w", errDamaged, err)
	}
	size := rec.Stamp.Size
	switch {
	case rec.V != 1, checkName(rec.Name) != nil, rec.Stamp.Tag == "",
		rec.Held < 0, size < -1, size >= 0 && size < rec.Held:
		return record{}, fmt.Errorf("%w: download record", errDamaged)
	}
	return rec, nil
}

// writeRecord replaces the record, in one step that survives a power loss, or
// removes it where the download could not go on.
func (d *Download) writeRecord() error {
	name := path.Join(d.dir, recordName)
	if d.stamp.Tag == "" {
		if err := d.store.root.Remove(name); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s: %w", d.name, err)
		}
		return nil
	}
	b, err := json.Marshal(record{1, d.name, d.source, d.stamp, d.synced})
	if err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	if err := d.replace(name, b); err != nil {
		return fmt.Errorf("%s: %w", d.name, err)
	}
	return nil
}

// replace gives the file name the content b.
func (d *Download) replace(name string, b []byte) error {
	temp := name + ".new"
	f, err := d.store.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err == nil {
		err = datasync(f)
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := d.store.root.Rename(temp, name); err != nil {
		return err
	}
	return d.lock.Sync()
}
