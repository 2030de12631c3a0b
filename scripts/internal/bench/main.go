// Command bench measures what the project promises about speed, side by side
// with aria2, rsync and iperf3, on hosts in network namespaces, and writes the
// figures down. It is a benchmark, not a test: a missed target is reported and
// does not fail.
//
// A [row] is one line of the table: it makes its own network, measures one
// thing with each tool in turn, one at a time, and removes what it made. Files
// lie on a tmpfs, in one directory that goes away with the process; what a
// benchmark left that was killed, the next one removes. Times run from the
// first request to the moment at which the last receiver has the whole file
// under its final name; contents are compared afterwards and are not part of
// the time.
//
// Before and after each row it looks how fast the machine is. A row during
// which that changed is marked: something else ran, and its figures say little.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// rowTime bounds one repetition of a row.
const rowTime = 10 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := bench(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// settings are the flags.
type settings struct {
	binary, dir, rows, tools string
	output, svg              string
	times                    int
	shrink, cold             int64
}

// parse reads the flags.
func parse() settings {
	var s settings
	flag.StringVar(&s.binary, "binary", "", "the program to measure")
	flag.StringVar(&s.dir, "dir", "/dev/shm", "a tmpfs, which holds the files")
	flag.StringVar(&s.rows, "rows", "", "measure these only, like P1,P6 (default all)")
	flag.StringVar(&s.tools, "tools", strings.Join(columns(), ","), "measure these tools only")
	flag.StringVar(&s.output, "o", "docs/benchmarks.md", "where the table is written; empty: nowhere")
	flag.StringVar(&s.svg, "svg", "docs/fanout.svg", "where the row fanout is drawn, if it has all tools; empty: nowhere")
	flag.IntVar(&s.times, "n", 1, "measure each figure this often and take the median")
	flag.Int64Var(&s.shrink, "shrink", 1, "divide sizes and numbers of files by this, to see whether rows run; nothing is written down")
	flag.Int64Var(&s.cold, "cold", 10<<10, "size of the file of P11 in MiB; twice that must fit into -dir")
	flag.Usage = func() { usage(flag.CommandLine) }
	flag.Parse()
	return s
}

// check refuses what makes no sense.
func (s *settings) check() error {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("%q: must be a flag: -help lists them", flag.Arg(0))
	case s.times < 1:
		return fmt.Errorf("-n: must be at least 1, but is %d", s.times)
	case s.shrink < 1:
		return fmt.Errorf("-shrink: must be at least 1, but is %d", s.shrink)
	case s.cold < 1:
		return fmt.Errorf("-cold: must be at least 1, but is %d", s.cold)
	}
	return nil
}

// bench runs the chosen rows and writes the report.
func bench(ctx context.Context) (err error) {
	s := parse()
	if err := s.check(); err != nil {
		return err
	}
	chosen, err := choose(s.rows)
	if err != nil {
		return err
	}
	e := &env{
		binary: s.binary, tools: strings.Split(s.tools, ","), times: s.times,
		shrink: s.shrink, cold: s.cold << 20, points: &chart{},
	}
	if err := e.prepare(s.dir); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(e.dir)) }()
	if s.shrink > 1 {
		fmt.Fprintf(os.Stderr, "bench: sizes are divided by %d: the figures mean nothing\n", s.shrink)
	}
	results, err := measure(ctx, e, chosen)
	fmt.Print(report(results))
	if ctx.Err() != nil {
		return errors.New("interrupted: nothing was written down")
	}
	return errors.Join(err, s.publish(e, results))
}

// publish writes the documents, except of figures that mean nothing.
func (s *settings) publish(e *env, results []result) error {
	if s.shrink > 1 || len(results) == 0 {
		return nil
	}
	var errs []error
	if s.output != "" {
		errs = append(errs, write(s.output, results, s.times))
	}
	if s.svg != "" && e.points.complete() {
		errs = append(errs, os.WriteFile(s.svg, []byte(e.points.svg()), 0o644))
	}
	return errors.Join(errs...)
}

// usage lists the rows and the flags.
func usage(flags *flag.FlagSet) {
	fmt.Fprintln(flags.Output(), "usage: scripts/bench [FLAG...]\n\nrows:")
	for _, r := range rows() {
		fmt.Fprintf(flags.Output(), "  %-6s %s\n", r.id, r.what)
	}
	fmt.Fprintln(flags.Output(), "\nflags:")
	flags.PrintDefaults()
}

// choose returns the rows of a list of their names.
func choose(only string) ([]row, error) {
	all := rows()
	if only == "" {
		return all, nil
	}
	var chosen []row
	for id := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(r row) bool { return strings.EqualFold(r.id, id) })
		if i < 0 {
			return nil, fmt.Errorf("no row %q: -help lists them", id)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// measure runs rows one after another. A row that fails is reported and does
// not stop the others.
func measure(ctx context.Context, e *env, rows []row) ([]result, error) {
	var results []result
	var errs []error
	for _, r := range rows {
		fmt.Fprintf(os.Stderr, "bench: %s %s\n", r.id, r.what)
		before := look()
		within, cancel := context.WithTimeout(ctx, time.Duration(e.times)*rowTime)
		figures, err := r.run(within, e)
		cancel()
		if ctx.Err() != nil {
			return results, errors.Join(errs...)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.id, err))
			fmt.Fprintf(os.Stderr, "bench: %v\n", errs[len(errs)-1])
		}
		why := disturbed(before, look())
		if why != "" {
			fmt.Fprintf(os.Stderr, "bench:   %s was disturbed: %s\n", r.id, why)
		}
		results = append(results, result{row: r, figures: figures, disturbed: why})
	}
	return results, errors.Join(errs...)
}
