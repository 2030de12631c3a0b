package term

import (
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
)

func TestScreenOfCandidatesShowsThemAboveTheLine(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 6, Cols: 24})
	c.AwaitScreen("mm$")
	c.Send("get f\t")
	c.AwaitScreen("mm$ get fo")
	c.Send("\t")
	c.AwaitScreen("mm$ get fo", "foo.img    fox", "foo.qcow2", "mm$ get fo")
	c.Send("x\t!\r")
	c.AwaitScreen("mm$ get fo", "foo.img    fox", "foo.qcow2", "mm$ get fox !", `got: "get fox !"`, "mm$")
	c.Send("\x0cclear\x01un\r") // Ctrl-L
	c.AwaitScreen("mm$ unclear", `got: "unclear"`, "mm$")
}

func TestScreenOfWideCharactersBreaksNoneInTwo(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 6, Cols: 9})
	c.AwaitScreen("mm$")
	c.Send("日本語日本語")
	c.AwaitScreen("mm$ 日本", "語日本語")
	c.Send("\x01x")
	c.AwaitScreen("mm$ x日本", "語日本語")
	c.Send("y")
	c.AwaitScreen("mm$ xy日", "本語日本", "語")
	c.Send("\x7f\x7f")
	c.AwaitScreen("mm$ 日本", "語日本語")
}

func TestScreenOfAMessageKeepsTheLine(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 6, Cols: 20})
	c.AwaitScreen("mm$")
	c.Send("signal\r")
	c.AwaitScreen("mm$ signal", `got: "signal"`, "mm$")
	c.Send("a line of more than one row")
	c.AwaitScreen("mm$ signal", `got: "signal"`, "mm$ a line of more t", "han one row")
	c.Signal(unix.SIGUSR1)
	c.AwaitScreen("mm$ signal", `got: "signal"`, "a message", "mm$ a line of more t", "han one row")
}

func TestScreenOfASearchShowsWhatIsFound(t *testing.T) {
	c := start(t, "known", pty.Winsize{Rows: 5, Cols: 60})
	c.AwaitScreen("mm$")
	c.Send("half\x12old")
	c.AwaitScreen("(reverse-i-search)`old': second old")
	c.Send("\x12")
	c.AwaitScreen("(reverse-i-search)`old': first old")
	c.Send("\x12")
	c.AwaitScreen("(failed reverse-i-search)`old': first old")
	c.Send("\x07") // Ctrl-G
	c.AwaitScreen("mm$ half")
}
