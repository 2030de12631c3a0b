package transfer

import (
	"fmt"
	"testing"

	"minimega/mesh/wire"
)

// BenchmarkOneToOne moves one file of random bytes between two engines over
// loopback TCP, without TLS.
func BenchmarkOneToOne(b *testing.B) {
	for _, size := range []int{4 << 20, 256 << 20} {
		b.Run(fmt.Sprintf("%dMiB", size>>20), func(b *testing.B) {
			fab := newFabric(b)
			from, to := fab.add("kn1", ""), fab.add("kn2", "")
			from.put("image", random(1, size))
			b.SetBytes(int64(size))
			for b.Loop() {
				to.wait(to.get("image"))
				if err := to.engine.Delete("image"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkSmallFiles moves directories of files of 4 KiB.
func BenchmarkSmallFiles(b *testing.B) {
	fab := newFabric(b)
	from, to := fab.add("kn1", ""), fab.add("kn2", "")
	const many = 2000
	for i := range many {
		from.put(fmt.Sprintf("d/%d/%d", i/100, i), random(uint64(i), 4096))
	}
	for b.Loop() {
		to.wait(to.get("d"))
		if err := to.engine.Delete("d"); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(many*b.N)/b.Elapsed().Seconds(), "files/s")
}

// BenchmarkStatusOfManyFiles lists a directory of 100,000 files that wait.
func BenchmarkStatusOfManyFiles(b *testing.B) {
	e := &Engine{jobs: map[*Job]struct{}{}}
	j := &Job{e: e, files: map[wire.FileName]*file{}}
	e.jobs[j] = struct{}{}
	for i := range 100_000 {
		name := wire.FileName(fmt.Sprintf("many/%06d", i))
		j.files[name] = &file{item: item{name: name, kind: wire.KindFile}}
	}
	for b.Loop() {
		if rows := e.Status(); len(rows) != len(j.files) {
			b.Fatalf("%d rows", len(rows))
		}
	}
}
