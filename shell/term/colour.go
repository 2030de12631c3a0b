package term

import (
	"bytes"
	"io"
	"os"
)

// Control sequences of colours.
const (
	red    = "\x1b[31m"
	yellow = "\x1b[33m"
	plain  = "\x1b[m"
)

// Coloured returns out as errors and warnings are written to, a line or more at
// once: what a line begins with, `Error (host):` or `warning:`, is coloured. It
// is out itself where that is no terminal, or one that only prints, and where
// NO_COLOR is set to anything.
func Coloured(out *os.File) io.Writer {
	if os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "" || Dumb() || !sized(out) {
		return out
	}
	return painter{out}
}

// painter colours the beginning of what is written at once.
type painter struct{ out io.Writer }

func (p painter) Write(text []byte) (int, error) {
	end, colour := 0, red
	switch {
	case bytes.HasPrefix(text, []byte("Error (")):
		end = bytes.Index(text, []byte("): ")) + len("):")
	case bytes.HasPrefix(text, []byte("warning: ")):
		end, colour = len("warning:"), yellow
	}
	if end <= len("):") { // nothing of ours, or cut short
		return p.out.Write(text)
	}
	painted := append([]byte(colour), text[:end]...)
	painted = append(append(painted, plain...), text[end:]...)
	if _, err := p.out.Write(painted); err != nil {
		return 0, err
	}
	return len(text), nil
}
