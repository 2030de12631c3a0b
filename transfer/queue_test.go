package transfer

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"minimega/mesh/wire"
	"minimega/transfer/store"
)

// standIn returns a job that only waits in queues.
func standIn(urgent bool) *Job {
	j := &Job{begin: func() {}}
	j.urgent.Store(urgent)
	return j
}

// line puts jobs in line, one after another, and returns the order in which
// they have their turns: each gives its own back at once.
func line(t *testing.T, q *queue, jobs map[string]*Job, order []string) []string {
	t.Helper()
	turns := make(chan string, len(order))
	held, err := q.acquire(t.Context(), standIn(false))
	must(t, err)
	for i, name := range order {
		go func() {
			own, err := q.acquire(t.Context(), jobs[name])
			if err != nil {
				t.Error(err)
				return
			}
			turns <- name
			own.release()
		}()
		await(t, func() bool { q.mu.Lock(); defer q.mu.Unlock(); return len(q.waiting) == i+1 })
	}
	held.release()
	var got []string
	for range order {
		got = append(got, <-turns)
	}
	return got
}

func TestOrdinaryJobsHaveEverySecondTurnAmongUrgentOnes(t *testing.T) {
	jobs := map[string]*Job{"u": standIn(true), "o": standIn(false)}
	got := line(t, newQueue(1, 0), jobs, []string{"o", "o", "u", "u", "u", "u"})
	if want := "[u o u o u u]"; fmt.Sprint(got) != want {
		t.Errorf("turns are %v, want %s", got, want)
	}
}

func TestJobsOfOneFileGoBetweenThoseOfManyAndInOrder(t *testing.T) {
	q := newQueue(2, 0)
	many, one, two := standIn(false), standIn(false), standIn(false)
	a, err := q.acquire(t.Context(), many)
	must(t, err)
	jobs := map[string]*Job{"many": many, "one": one, "two": two}
	got := line(t, q, jobs, []string{"many", "one", "two", "many"})
	if want := "[one two many many]"; fmt.Sprint(got) != want {
		t.Errorf("turns are %v, want %s", got, want)
	}
	a.release()
}

func TestUrgentJobDoesNotWaitForOrdinaryOnesToEnd(t *testing.T) {
	q := newQueue(1, 1)
	late := standIn(false)
	first, err := q.acquire(t.Context(), standIn(false))
	must(t, err)
	turns := make(chan *turn)
	go func() {
		own, err := q.acquire(t.Context(), late)
		if err != nil {
			t.Error(err)
		}
		turns <- own
	}()
	await(t, func() bool { q.mu.Lock(); defer q.mu.Unlock(); return len(q.waiting) == 1 })
	late.urgent.Store(true)
	q.again()
	(<-turns).release()
	first.release()
	if q.free != 1 || q.spare != 1 || len(q.held) != 0 {
		t.Errorf("left are %d and %d turns, held %v", q.free, q.spare, q.held)
	}
}

func TestLentTurnIsCountedOnce(t *testing.T) {
	q := newQueue(1, 0)
	a, err := q.acquire(t.Context(), standIn(false))
	must(t, err)
	a.lend(true)
	a.lend(true)
	b, err := q.acquire(t.Context(), standIn(false))
	must(t, err)
	a.lend(false)
	if q.free != -1 {
		t.Errorf("%d turns are left while two are used of one", q.free)
	}
	b.release()
	a.lend(true)
	a.release()
	if q.free != 1 || len(q.held) != 0 {
		t.Errorf("%d turns are left, held %v", q.free, q.held)
	}
}

func name(i int) string { return fmt.Sprintf("image%02d", i) }

// crowd makes a seed of n large files and a node that has asked for all.
func crowd(t *testing.T, n, size int, rate int64) (seed, b *node, jobs []*Job) {
	t.Helper()
	fab := newFabric(t)
	seed, b = fab.add("kn1", ""), fab.add("kn2", "")
	must(t, seed.engine.SetLimit(rate))
	for i := range n {
		seed.put(name(i), random(uint64(i), size))
		jobs = append(jobs, b.get(name(i)))
		<-jobs[i].Begun()
	}
	return seed, b, jobs
}

func queued(e *Engine) (waiting, running int) {
	for _, s := range e.Status() {
		if s.Queued {
			waiting++
		} else {
			running++
		}
	}
	return waiting, running
}

func TestFiftyFilesWaitForTheirTurnsAndAllCome(t *testing.T) {
	t.Parallel()
	seed, b, jobs := crowd(t, 50, 1<<20, 500_000)
	if waiting, running := queued(b.engine); waiting != 50-largeAtOnce || running != largeAtOnce {
		t.Errorf("%d wait and %d are on the way, want %d", waiting, running, largeAtOnce)
	}
	for _, s := range b.engine.Status()[:largeAtOnce] {
		if s.Queued {
			t.Errorf("%s waits, though it was asked for first", s.Name)
		}
	}
	must(t, seed.engine.SetLimit(0))
	for i, j := range jobs {
		b.wait(j)
		b.has(name(i), random(uint64(i), 1<<20))
	}
	if left := b.engine.Status(); len(left) != 0 {
		t.Errorf("left are %v", left)
	}
}

func TestFileThatSomebodyWaitsForOvertakesTheQueue(t *testing.T) {
	t.Parallel()
	_, b, _ := crowd(t, 12, 1<<20, 2_000_000)
	last := b.get(name(11))
	last.Hurry()
	b.wait(last)
	b.has(name(11), random(11, 1<<20))
	if waiting, _ := queued(b.engine); waiting == 0 {
		t.Error("the others had their turns before")
	}
	for i := range 11 {
		must(t, b.engine.Delete(name(i)))
	}
}

func TestFileThatCameMeanwhileIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	seed, b, jobs := crowd(t, 6, 2<<20, 4_000_000)
	last := b.get(name(5))
	last.Hurry()
	b.wait(last)
	must(t, seed.engine.SetLimit(0))
	for _, j := range jobs {
		b.wait(j)
	}
	if sent := seed.engine.uploaded.Load(); sent > 6*(2<<20)+1<<20 {
		t.Errorf("%d bytes were sent of %d", sent, 6*(2<<20))
	}
}

func TestDeletedFileLeavesTheQueueAtOnce(t *testing.T) {
	t.Parallel()
	_, b, jobs := crowd(t, 6, 2<<20, 500_000)
	must(t, b.engine.Delete(name(5)))
	<-jobs[5].Done()
	if err := jobs[5].Err(); !errors.Is(err, ErrCanceled) {
		t.Error(err)
	}
	if waiting, _ := queued(b.engine); waiting != 1 {
		t.Errorf("%d wait, want one", waiting)
	}
	for i := range 5 {
		must(t, b.engine.Delete(name(i)))
	}
}

func TestTransfersWithoutASourceLendTheirTurns(t *testing.T) {
	t.Parallel()
	seed, b, jobs := crowd(t, largeAtOnce+1, 1<<20, 100_000)
	seed.cut()
	await(t, func() bool { return jobs[0].Progress().State != "" })
	other := b.fab.add("kn3", "")
	other.put("other", random(99, 1<<20))
	b.wait(b.get("other"))
	b.has("other", random(99, 1<<20))
	must(t, seed.engine.SetLimit(0))
	seed.heal()
	for i, j := range jobs {
		b.wait(j)
		b.has(name(i), random(uint64(i), 1<<20))
	}
}

// stuckSink takes nothing until it is let go.
type stuckSink struct {
	sink
	entered, free chan struct{}
}

func (s *stuckSink) WriteChunk(i int, data []byte) error {
	select {
	case s.entered <- struct{}{}:
	default:
	}
	<-s.free
	return s.sink.WriteChunk(i, data)
}

func TestStatusDoesNotWaitForTheDisk(t *testing.T) {
	fab := newFabric(t)
	a, entered, free := fab.add("kn1", ""), make(chan struct{}, 1), make(chan struct{})
	b := fab.add("kn2", "", func(e *Engine) {
		e.create = func(name wire.FileName, meta wire.Meta, m *store.Manifest) (sink, error) {
			s, err := e.createPartial(name, meta, m)
			return &stuckSink{s, entered, free}, err
		}
	})
	a.put("image", random(1, 4<<20))
	j := b.get("image")
	<-entered
	answered := make(chan []Status)
	go func() { answered <- b.engine.Status() }()
	select {
	case rows := <-answered:
		if len(rows) != 1 || rows[0].Queued || rows[0].Dir == "" {
			t.Errorf("status is %+v", rows)
		}
	case <-time.After(patience):
		t.Error("no answer while the disk is stuck")
	}
	close(free)
	b.wait(j)
}

func TestWhoWaitsForWhatIsOnTheWayTakesNoTurn(t *testing.T) {
	t.Parallel()
	seed, b, jobs := crowd(t, largeAtOnce+1, 1<<20, 400_000)
	for range 2 {
		for i := range largeAtOnce {
			j := b.get(name(i))
			j.Hurry()
			jobs = append(jobs, j)
			await(t, func() bool { return j.Progress().BytesDone > 0 })
		}
	}
	last := b.get(name(largeAtOnce))
	last.Hurry()
	await(t, func() bool { return last.Progress().BytesDone > 0 })
	must(t, seed.engine.SetLimit(0))
	for _, j := range append(jobs, last) {
		b.wait(j)
	}
}
