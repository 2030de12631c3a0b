package store

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestNamesFollowsEveryChangeOfADirectory(t *testing.T) {
	files := t.TempDir()
	s := open(t, files)
	want := []string{}
	for i := range 50 { // faster than any file system's clock ticks
		name := fmt.Sprintf("%02d", i)
		if err := os.WriteFile(filepath.Join(files, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		want = append(want, name)
		if got, _ := s.Names("", 100); !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
}

func TestAListIsGoodUntilItsDirectoryChanges(t *testing.T) {
	stat := fileStat{ino: 5, ctime: 1e9}
	later := stat
	later.ctime++
	read := time.Unix(1, 0).Add(settleTime + 1)
	for name, c := range map[string]struct {
		list nameList
		stat fileStat
		now  time.Time
		want bool
	}{
		"the same directory":        {nameList{stat: stat, read: read}, stat, read.Add(time.Hour), true},
		"a changed directory":       {nameList{stat: stat, read: read}, later, read, false},
		"read soon after a change":  {nameList{stat: stat, read: read.Add(-1)}, stat, read, false},
		"read before a change":      {nameList{stat: stat, read: time.Unix(0, 0)}, stat, read, false},
		"links a moment ago":        {nameList{stat: stat, read: read, links: true}, stat, read.Add(linkTime - 1), true},
		"links that may have moved": {nameList{stat: stat, read: read, links: true}, stat, read.Add(linkTime), false},
	} {
		if got := c.list.good(c.stat, c.now); got != c.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestListsThatAreKeptAreBounded(t *testing.T) {
	var n nameLists
	stat := fileStat{ctime: 1}
	now := time.Unix(1000, 0)
	for i := range 2 * maxLists {
		n.put(fmt.Sprint(i), nameList{stat: stat, read: now.Add(time.Duration(i))})
	}
	if _, ok := n.get(fmt.Sprint(2*maxLists-1), stat, now); !ok || len(n.lists) != maxLists || len(n.used) != maxLists {
		t.Errorf("%d lists, %t", len(n.lists), ok)
	}
	half := make([]string, maxNames/2)
	for i := range 4 {
		n.put(fmt.Sprint("large", i), nameList{names: half, stat: stat, read: now.Add(time.Hour + time.Duration(i))})
	}
	n.put("too large", nameList{names: make([]string, maxNames+1), stat: stat, read: now})
	if n.total != maxNames || len(n.lists) != 2 {
		t.Errorf("%d names in %d lists", n.total, len(n.lists))
	}
}

func BenchmarkNamesOfTenThousand(b *testing.B) {
	files := b.TempDir()
	for i := range 10_000 {
		if err := os.WriteFile(filepath.Join(files, fmt.Sprintf("image-%05d.qcow2", i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	s := open(b, files)
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			s.lists = nameLists{}
			s.Names("", 512)
		}
	})
	list := s.lists.lists[""]
	list.read = list.read.Add(settleTime) // as if they had been there for long
	s.lists.put("", list)
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			s.Names("", 512)
		}
	})
}
