package store

import (
	"errors"
	"path"
	"syscall"
	"time"
)

// takeUp looks for what an earlier download of the same has left.
func (d *Download) takeUp() error {
	f, err := d.store.root.OpenFile(".", syscall.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer f.Close() // only read
	nodes, err := f.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if node.IsDir() && isTransfer(node.Name()) && d.takeDir(node.Name()) {
			return nil
		}
	}
	return nil
}

// takeDir goes on with a transfer directory if it is what d is about and
// nobody has it. One that is damaged is left to Leftovers.
func (d *Download) takeDir(dir string) bool {
	rec, err := d.store.readRecord(dir)
	if err != nil || rec.Name != d.name || rec.Source != d.source {
		return false
	}
	lock, err := d.store.lockDir(dir)
	if err != nil {
		return false
	}
	rec, err = d.store.readRecord(dir) // as it is now that nobody else writes it
	if err == nil {
		d.data, err = d.store.openOwn(path.Join(dir, dataName))
	}
	if err != nil {
		_ = lock.Close() // nothing was written
		return false
	}
	info, err := d.data.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Size() < rec.Held || d.data.Truncate(rec.Held) != nil {
		_ = errors.Join(d.data.Close(), lock.Close()) // nothing was written
		return false
	}
	d.dir, d.lock, d.stamp = dir, lock, rec.Stamp
	d.held, d.synced, d.syncAt = rec.Held, rec.Held, time.Now()
	return true
}

// keeps reports that a transfer directory is of a download that may go on.
func (s *Store) keeps(dir string) bool {
	info, err := s.root.Lstat(path.Join(dir, recordName))
	if err != nil || time.Since(info.ModTime()) > recordAge {
		return false
	}
	_, err = s.readRecord(dir)
	return err == nil
}
