package netlab

import (
	"context"
	"fmt"
	"time"
)

// How often Until looks: at first after each lookFirst, and later more rarely, so
// that what it waits for has the processors, as often in whatever time has passed.
const (
	lookFirst = 2 * time.Millisecond
	looks     = 500
)

// Until looks until done says so. Its error is that of ctx, with what was waited
// for.
func Until(ctx context.Context, what string, done func() bool) error {
	start := time.Now()
	next := time.NewTimer(lookFirst)
	defer next.Stop()
	for !done() {
		select {
		case <-next.C:
			next.Reset(max(lookFirst, time.Since(start)/looks))
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}
