package shell

import (
	"os"

	"minimega/transfer"
)

// barWatch returns a [Watch] that shows progress at a terminal.
func barWatch(out *os.File) Watch {
	return func(rows func() []transfer.Progress) (stop func()) {
		return lineWatch(out)(rows)
	}
}
