package shell

import (
	"fmt"
	"io"
	"log/slog"
)

// OpenLog returns the program's one logger, and where its lines go: -logfile
// or, where that was not given, out; with -headnode that node as well. The log
// commands change that.
func (o Options) OpenLog(out io.Writer) (*slog.Logger, *Logs, error) {
	logs, err := NewLogs(out, o.Level, o.LogFile)
	if err != nil {
		return nil, nil, fmt.Errorf("-level, -logfile: %w", err)
	}
	logs.mesh.first = string(o.Head)
	logs.mesh.reset()
	return slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: logs.Level})), logs, nil
}
