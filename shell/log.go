package shell

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// OpenLog returns the program's one logger, which writes to -logfile or, where
// that was not given, to out, and the level that `log level` changes.
func (o Options) OpenLog(out io.Writer) (*slog.Logger, *slog.LevelVar, error) {
	level := new(slog.LevelVar)
	if err := level.UnmarshalText([]byte(o.Level)); err != nil {
		return nil, nil, fmt.Errorf("-level: %w", err)
	}
	if o.LogFile != "" {
		var err error
		if out, err = os.OpenFile(o.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
			return nil, nil, fmt.Errorf("-logfile: %w", err)
		}
	}
	return slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: level})), level, nil
}
