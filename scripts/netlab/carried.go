package netlab

import (
	"context"
	"encoding/json"
	"fmt"
)

// Carried returns how many bytes the host's interface i has sent and received
// since it was made, as its counters have it.
func (h *Host) Carried(ctx context.Context, i int) (sent, received int64, err error) {
	if h.space == "" {
		return 0, 0, ErrNoNetwork
	}
	out, err := h.Command(ctx, "ip", "-s", "-j", "link", "show", fmt.Sprintf("eth%d", i)).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("counters of %s: %w", h.name, err)
	}
	var links []struct {
		Stats64 struct{ Tx, Rx struct{ Bytes int64 } }
	}
	if err := json.Unmarshal(out, &links); err != nil {
		return 0, 0, fmt.Errorf("counters of %s: %w", h.name, err)
	}
	if len(links) != 1 {
		return 0, 0, fmt.Errorf("counters of %s: must be of one interface, but are of %d", h.name, len(links))
	}
	return links[0].Stats64.Tx.Bytes, links[0].Stats64.Rx.Bytes, nil
}
