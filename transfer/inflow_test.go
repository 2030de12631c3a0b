package transfer

import (
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pour keeps writing to the other side of a limited connection, which it returns.
func pour(t *testing.T, e *Engine) net.Conn {
	here, there := net.Pipe()
	go func() {
		for b := make([]byte, 1<<20); ; {
			if _, err := there.Write(b); err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() { here.Close() })
	return e.Limited(here)
}

func TestWhatComesFromElsewhereIsLimitedWithTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{ctx: t.Context()}
		must(t, e.SetLimit(1_000_000))
		got := make([]atomic.Int64, 3)
		for i := range got {
			conn := pour(t, e)
			go func() {
				for b := make([]byte, 256<<10); ; {
					n, err := conn.Read(b)
					got[i].Add(int64(n))
					if err != nil {
						return
					}
				}
			}()
			defer conn.Close()
		}
		time.Sleep(10 * time.Second)
		near(t, "what came", sum(got), 10e6)
		must(t, e.SetLimit(100_000))
		synctest.Wait()
		before := sum(got)
		time.Sleep(10 * time.Second)
		near(t, "what came", sum(got)-before, 1e6)
	})
}

func TestCloseLetsGoWhoWaitsForTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := &Engine{ctx: t.Context()}
		must(t, e.SetLimit(MinLimit))
		start := time.Now()
		conn := pour(t, e)
		time.AfterFunc(time.Second, func() { conn.Close() })
		for b := make([]byte, 1<<20); ; {
			if _, err := conn.Read(b); err != nil {
				break
			}
		}
		if took := time.Since(start); took > 1100*time.Millisecond {
			t.Errorf("it took %s", took)
		}
	})
}
