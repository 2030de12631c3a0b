package archive

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/zeebo/blake3"
)

// A record file is one line, a blank between the parts, and JSON:
//
//	mma1 CHECK\n          CHECK: 32 hex digits of the BLAKE3 of the JSON
//	{"path": …, …}        the fields of record
//
// It is replaced by rename, before the directory that it is about has its name.
// One that is damaged is none.
const (
	recordName  = "record"
	recordMagic = "mma1 "
	maxRecord   = 16 << 10 // bytes
)

// record says what an archive was unpacked to.
type record struct {
	Path    string `json:"path"`              // of the archive, absolute
	Archive stat   `json:"archive"`           // when it was read; zero where a change could hide behind it
	Content string `json:"content,omitempty"` // BLAKE3 of its bytes, in hex; "" before the first unpacking
	Top     string `json:"top,omitempty"`     // the top-level directory
	Made    made   `json:"made"`              // that directory; zero where it is not ours
	Tree    string `json:"tree,omitempty"`    // digest of what is below it
}

// stat is what tells that a file was not written since.
type stat struct {
	Size  int64  `json:"size"`  // bytes
	Mtime int64  `json:"mtime"` // Unix time in ns
	Ctime int64  `json:"ctime"` // Unix time in ns
	Inode uint64 `json:"inode"`
}

// readRecord returns the record in the directory dir; the zero record where
// there is none.
func readRecord(dir *os.Root) record {
	f, err := dir.OpenFile(recordName, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return record{}
	}
	defer f.Close() // only read
	b, err := io.ReadAll(io.LimitReader(f, maxRecord))
	if err != nil {
		return record{}
	}
	rec, err := decodeRecord(string(b))
	if err != nil {
		return record{}
	}
	return rec
}

var errRecord = errors.New("damaged record")

func decodeRecord(text string) (record, error) {
	head, body, _ := strings.Cut(text, "\n")
	if head != recordMagic+check(body) {
		return record{}, errRecord
	}
	var rec record
	if err := json.Unmarshal([]byte(body), &rec); err != nil {
		return record{}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return rec, nil
}

func check(body string) string {
	sum := blake3.Sum256([]byte(body))
	return hex.EncodeToString(sum[:16])
}

// write puts rec in the directory dir, where it is after a power loss too.
func (rec record) write(dir *os.Root) error {
	body, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	const temp = recordName + ".new"
	f, err := dir.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(recordMagic + check(string(body)) + "\n" + string(body))
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := dir.Rename(temp, recordName); err != nil {
		return err
	}
	return syncDir(dir)
}
