package term

import (
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

func TestOnlyWhatALineBeginsWithIsColoured(t *testing.T) {
	for text, want := range map[string]string{
		"Error (kn1): get x: file not found\n": "\x1b[31mError (kn1):\x1b[m get x: file not found\n",
		"Error (kn1\n":                         "Error (kn1\n",
		"warning: old\n":                       "\x1b[33mwarning:\x1b[m old\n",
		"[kn1]: Error (kn1): x\n":              "[kn1]: Error (kn1): x\n",
		"":                                     "",
	} {
		var out strings.Builder
		if n, err := (painter{&out}).Write([]byte(text)); n != len(text) || err != nil || out.String() != want {
			t.Errorf("%q became %q, %d, %v", text, out.String(), n, err)
		}
	}
}

func TestColoursAreForTerminalsAndNeverWithNO_COLOR(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Skipf("no pseudo terminals here: %v", err)
	}
	defer master.Close()
	defer tty.Close()
	if err := pty.Setsize(tty, &pty.Winsize{Rows: 24, Cols: 80}); err != nil {
		t.Fatal(err)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		term, noColour string
		out            *os.File
		want           bool
	}{
		{"xterm", "", tty, true}, {"xterm", "1", tty, false}, {"dumb", "", tty, false}, {"", "", tty, false}, {"xterm", "", file, false},
	} {
		t.Setenv("TERM", tt.term)
		t.Setenv("NO_COLOR", tt.noColour)
		if _, coloured := Coloured(tt.out).(painter); coloured != tt.want {
			t.Errorf("TERM=%s NO_COLOR=%s: coloured is %v", tt.term, tt.noColour, coloured)
		}
	}
}
