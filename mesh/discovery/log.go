package discovery

import (
	"log/slog"
	"time"

	"golang.org/x/time/rate"
)

// Log lines from this package: at most 4 at once and 10 in any minute,
// whatever the network sends.
const (
	logBurst = 4
	logEvery = 10 * time.Second
)

// limitedLog is a logger that drops lines above a rate.
type limitedLog struct {
	log   *slog.Logger
	lines *rate.Limiter
}

func newLimitedLog(log *slog.Logger) *limitedLog {
	return &limitedLog{log, rate.NewLimiter(rate.Every(logEvery), logBurst)}
}

func (l *limitedLog) warn(msg string, args ...any) {
	if l.lines.Allow() {
		l.log.Warn(msg, args...)
	}
}
