package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// result is a row with what was measured.
type result struct {
	row
	figures   []figure
	disturbed string // why the figures are not to be trusted, or ""
}

// columns are the table's tools.
func columns() []string { return []string{ours, "aria2", "rsync", "iperf3"} }

// report returns the table in Markdown.
func report(results []result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| # | work | target | %s |\n|---|---|---|%s\n",
		strings.Join(columns(), " | "), strings.Repeat("---|", len(columns())))
	for _, r := range results {
		fmt.Fprintf(&b, "| %s | %s | %s |", r.id+r.mark(), r.what, r.target)
		for _, tool := range columns() {
			fmt.Fprintf(&b, " %s |", cell(r.figures, tool))
		}
		b.WriteByte('\n')
	}
	return b.String() + footnote(results)
}

// mark returns what stands behind the name of a row that was disturbed.
func (r result) mark() string {
	if r.disturbed == "" {
		return ""
	}
	return " †"
}

// footnote explains the marks, if there are any.
func footnote(results []result) string {
	var b strings.Builder
	for _, r := range results {
		if r.disturbed != "" {
			fmt.Fprintf(&b, "\n† %s was disturbed, so that its figures say little: %s.\n", r.id, r.disturbed)
		}
	}
	return b.String()
}

// cell returns a tool's figure, marked when it was aimed at and missed.
func cell(figures []figure, tool string) string {
	for _, f := range figures {
		switch {
		case f.tool != tool:
		case f.met == missed:
			return f.text + " (missed)"
		case f.met == met:
			return "**" + f.text + "**"
		default:
			return f.text
		}
	}
	return ""
}

// write writes the document.
func write(path string, results []result, times int) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	text := fmt.Sprintf(`# Benchmarks

Written by scripts/bench on %s, on %s, at commit %s.

Hosts are network namespaces on a bridge of one machine, whose cores they
share. Each link is shaped with tbf in both directions (burst 256kb, latency
50ms), files lie on a tmpfs. Bound is the file's size divided by the rate of a
link: no tool can be faster with data that does not compress. Times run from
the first request to the last host that has the whole file under its final
name; contents are compared afterwards. What the seed sent is what its interface
counted, headers included. %s A bold figure reaches its target.

%s`, time.Now().UTC().Format("2006-01-02"), machine(), commit(), repetitions(times), report(results))
	return os.WriteFile(path, []byte(text), 0o644)
}

// repetitions says what a figure is of.
func repetitions(times int) string {
	if times == 1 {
		return "Each figure was measured once; one with\na range in brackets is the median of several."
	}
	return fmt.Sprintf("Each figure is the median of %d, with the smallest and the\nlargest in brackets.", times)
}

// machine describes this one.
func machine() string {
	model := "unknown CPU"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, rest, ok := strings.Cut(string(info), "model name\t: "); ok {
			model, _, _ = strings.Cut(rest, "\n")
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d cores of %s, Linux %s", runtime.NumCPU(), model, strings.TrimSpace(string(kernel)))
}

// commit returns the short name of the checked out commit, with a mark when
// there are changes on top.
func commit() string {
	out, err := exec.Command("git", "describe", "--always", "--dirty", "--exclude=*").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
