package netlab

import (
	"context"
	"fmt"
	"time"
)

// lookEvery is how often Until looks.
const lookEvery = 2 * time.Millisecond

// Until looks until done says so. Its error is that of ctx, with what was waited
// for.
func Until(ctx context.Context, what string, done func() bool) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, ctx.Err())
		}
	}
	return nil
}
