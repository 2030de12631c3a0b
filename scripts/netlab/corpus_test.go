package netlab

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestCorpusIsTheFilesInOrderAgainAndAgain(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b/x.h": "bb", "a.h": "a", "c.go": "no", "d.h": "ddd"} {
		path := filepath.Join(dir, "from", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		size, distinct int64
		want           string
	}{{4, 4, "abbd"}, {6, 6, "abbddd"}, {15, 6, "abbdddabbdddabb"}} {
		path := filepath.Join(dir, "corpus")
		distinct, err := MakeCorpus(path, c.size, ".h", filepath.Join(dir, "from"), filepath.Join(dir, "not there"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != c.want || distinct != c.distinct {
			t.Errorf("%d bytes: %q, %d of them distinct, %v; want %q, %d", c.size, got, distinct, err, c.want, c.distinct)
		}
	}
	if _, err := MakeCorpus(filepath.Join(dir, "corpus"), 1, ".c", dir); !errors.Is(err, ErrNoCorpus) {
		t.Errorf("without files: %v", err)
	}
}
