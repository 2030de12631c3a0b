package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestSampleTellsTheMedianAndTheEnds(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   string
	}{
		{[]float64{1.5}, "1.5"},
		{[]float64{3, 1, 2}, "2.0 [1.0 to 3.0]"},
		{[]float64{4, 1, 3, 2}, "2.5 [1.0 to 4.0]"},
	} {
		s := sampleOf(c.values, func(v float64) float64 { return v })
		if got := s.text("%.1f"); got != c.want {
			t.Errorf("%v: %q, want %q", c.values, got, c.want)
		}
	}
	hundred := make(sample, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	if got := hundred.quantile(0.99); got != 99 {
		t.Errorf("99 of 1 to 100 are within %v, want 99", got)
	}
}

func TestRowIsMarkedWhenTheMachineChanged(t *testing.T) {
	now := time.Now()
	before := moment{now, 1000, 5}
	for _, c := range []struct {
		after moment
		want  string
	}{
		{moment{now.Add(time.Minute), 900, 5}, ""},
		{moment{now.Add(time.Minute), 840, 5}, "the machine did 1000 MB/s before and 840 after"},
		{moment{now.Add(time.Minute), 1200, 5}, "the machine did 1000 MB/s before and 1200 after"},
		{moment{now.Add(time.Second), 1000, 6000}, "its host took"},
	} {
		got := disturbed(before, c.after)
		if (got == "") != (c.want == "") || !strings.HasPrefix(got, c.want) {
			t.Errorf("%+v: %q, want %q", c.after, got, c.want)
		}
	}
	table := report([]result{{row: row{id: "P0"}, disturbed: "somebody was here"}, {row: row{id: "P1"}}})
	for _, want := range []string{"| P0 † |", "| P1 |", "† P0 was disturbed", "somebody was here"} {
		if !strings.Contains(table, want) {
			t.Errorf("no %q in\n%s", want, table)
		}
	}
}

func TestEachRowHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows() {
		if seen[r.id] || r.what == "" || r.run == nil {
			t.Errorf("row %q", r.id)
		}
		seen[r.id] = true
	}
	if got, err := choose("p14,FANOUT"); err != nil || len(got) != 2 || got[0].id != "P14" || got[1].id != "fanout" {
		t.Errorf("chosen: %v, %v", got, err)
	}
	if _, err := choose("P99"); err == nil {
		t.Error("a row that is not there was chosen")
	}
}

func TestChangedFileDiffersInThatShareOfItsBlocks(t *testing.T) {
	r := refetch{size: 1 << 20, block: 4 << 10, changed: 0.05}
	dir := t.TempDir()
	from, to := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	if err := os.WriteFile(from, make([]byte, r.size), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := r.change(from, to); err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile(to)
	if err != nil || int64(len(changed)) != r.size {
		t.Fatal(len(changed), err)
	}
	blocks := 0
	for at := int64(0); at < r.size; at += r.block {
		if strings.Trim(string(changed[at:at+r.block]), "\x00") != "" {
			blocks++
		}
	}
	if blocks != 12 { // of 256
		t.Errorf("%d blocks changed, want 12", blocks)
	}
}

// example is a chart as the rows give it.
func example() *chart {
	c := &chart{title: "64 MiB to n hosts & more", hosts: []int{1, 2, 4, 8, 16}, bound: 5.4}
	for i, n := range c.hosts {
		c.add(ours, n, 5.6+0.1*float64(i))
		c.add("aria2", n, 7+1.2*float64(i))
		c.add("rsync", n, 5.5*float64(n))
	}
	return c
}

func TestChartIsWellFormedAndNamesEveryLine(t *testing.T) {
	c := example()
	if !c.complete() {
		t.Error("a chart with all its points is incomplete")
	}
	text := c.svg()
	decoder := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := decoder.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"bound, 5.4 s", "minimega, 6.0 s", "aria2, 11.8 s", "rsync, 88.0 s", "hosts &amp; more", "prefers-color-scheme: dark", ">16</text>"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestLabelsOfTheChartDoNotOverlap(t *testing.T) {
	c := example()
	for _, l := range c.lines {
		l.seconds[16] = 6 // all in one place
	}
	last := 1000.0
	found := regexp.MustCompile(`-text" x="\d+" y="([\d.]+)"`).FindAllStringSubmatch(c.svg(), -1)
	if len(found) != 4 {
		t.Fatalf("%d labels, want 4", len(found))
	}
	for _, m := range found {
		y, err := strconv.ParseFloat(m[1], 64)
		if err != nil || y > last-labelGap+0.2 || y < 0 || y > high {
			t.Errorf("a label at %v, the one before at %v: %v", y, last, err)
		}
		last = y
	}
}

func TestChartThatLacksAPointIsIncomplete(t *testing.T) {
	c := example()
	delete(c.lines[1].seconds, 8)
	if c.complete() || (&chart{}).complete() {
		t.Error("complete")
	}
	if got := c.svg(); strings.Contains(got, "NaN") {
		t.Error(got)
	}
}
