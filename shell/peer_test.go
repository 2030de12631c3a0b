package shell

import (
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// strangerEnv names the socket to a test process that plays another user.
const strangerEnv = "MINIMEGA_TEST_SOCKET"

func TestAnotherUserIsToldWhyAndNothingElse(t *testing.T) {
	if path := os.Getenv(strangerEnv); path != "" {
		beStranger(t, path)
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("only root can play another user")
	}
	base := serve(t, newNode(t, "foo"))
	// Even where the directory and the socket let others in.
	for path, mode := range map[string]os.FileMode{base: 0o755, SocketPath(base): 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("/proc/self/exe", "-test.run=^TestAnotherUserIsToldWhyAndNothingElse$")
	command.Env = append(os.Environ(), strangerEnv+"="+SocketPath(base))
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	command.Dir = filepath.Dir(base)
	if out, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// beStranger asks for a command at path and must be refused it.
func beStranger(t *testing.T, path string) {
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, `{"Command":"echo hi"}`) // it may be closed already
	got, _ := io.ReadAll(conn)
	if strings.Contains(string(got), "foo") || !strings.Contains(string(got), `"Error":"client of user 65534 refused`) {
		t.Errorf("user %d was answered %q", os.Geteuid(), got)
	}
}
