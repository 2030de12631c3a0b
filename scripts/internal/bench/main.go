// Command bench measures what the project promises about speed, side by side
// with aria2, rsync and iperf3, on hosts in network namespaces, and writes the
// figures down. It is a benchmark, not a test: a missed target is reported and
// does not fail.
//
// A [row] is one line of the table: it makes its own network, measures one
// thing with each tool in turn, one at a time, and removes what it made. Files
// lie on a tmpfs. Times run from the first request to the moment at which the
// last receiver has the whole file under its final name; contents are compared
// afterwards and are not part of the time.
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

	"minimega/scripts/netlab"
)

// rowTime bounds one row.
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

// bench runs the chosen rows and writes the report.
func bench(ctx context.Context) error {
	binary := flag.String("binary", "", "the program to measure")
	dir := flag.String("dir", "/dev/shm", "a tmpfs, which holds the files")
	only := flag.String("rows", "", "measure these only, like P1,P6 (default all)")
	tools := flag.String("tools", "minimega,aria2,rsync,iperf3", "measure these tools only")
	output := flag.String("o", "docs/benchmarks.md", "where the table is written; empty: nowhere")
	times := flag.Int("n", 1, "measure each figure this often and take the median")
	flag.Usage = func() { usage(flag.CommandLine) }
	flag.Parse()

	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	e := &env{binary: *binary, dir: *dir, tools: strings.Split(*tools, ","), times: *times}
	if err := e.check(); err != nil {
		return err
	}
	results, err := measure(ctx, e, chosen)
	text := report(results)
	fmt.Print(text)
	if *output == "" || len(results) == 0 {
		return err
	}
	return errors.Join(err, write(*output, results))
}

// usage lists the rows and the flags.
func usage(flags *flag.FlagSet) {
	fmt.Fprintln(flags.Output(), "usage: scripts/bench [FLAG...]\n\nrows:")
	for _, r := range rows() {
		fmt.Fprintf(flags.Output(), "  %-4s %s\n", r.id, r.what)
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
		within, cancel := context.WithTimeout(ctx, rowTime)
		figures, err := r.run(within, e)
		cancel()
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", r.id, err))
			fmt.Fprintf(os.Stderr, "bench: %v\n", errs[len(errs)-1])
		}
		results = append(results, result{row: r, figures: figures})
		if ctx.Err() != nil {
			break
		}
	}
	return results, errors.Join(errs...)
}

// env is what all rows share.
type env struct {
	binary string
	dir    string // on a tmpfs
	tools  []string
	times  int
}

// check says what is missing before anything is measured.
func (e *env) check() error {
	lab, err := netlab.New()
	if err != nil {
		return err
	}
	if err := errors.Join(lab.Close(), netlab.Sweep()); err != nil {
		return err
	}
	var fs syscall.Statfs_t
	if err := syscall.Statfs(e.dir, &fs); err != nil {
		return err
	}
	const tmpfs = 0x01021994
	if fs.Type != tmpfs {
		return fmt.Errorf("-dir %s: must be on a tmpfs, so that disks are not what is measured", e.dir)
	}
	return nil
}

// uses reports whether a tool is to be measured.
func (e *env) uses(tool string) bool { return slices.Contains(e.tools, tool) }
