package main_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// web serves a directory over HTTP on a host, for the script's time. It sets
// $WEB to the server's URL, and writes a line a request to $WORK/web.log.
func (r *rig) web(ts *testscript.TestScript, args []string) error {
	if len(args) < 2 || len(args) > 3 || r.lab.Host(args[0]) == nil {
		return errUsage
	}
	host := r.lab.Host(args[0])
	l, err := host.Listen(":8000")
	if err != nil {
		return err
	}
	log, err := os.OpenFile(filepath.Join(ts.Getenv("WORK"), "web.log"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: &website{files: http.FileServer(http.Dir(ts.MkAbs(args[1]))), only: args[2:], log: log}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = s.Serve(l) }) // until it is closed
	ts.Defer(func() {
		_ = s.Close()
		serving.Wait()
		_ = log.Close()
	})
	ts.Setenv("WEB", (&url.URL{Scheme: "http", Host: host.Addr(0).String() + ":8000"}).String())
	return nil
}

// website serves files, to all or to the only USER:PASSWORD that there is.
type website struct {
	files http.Handler
	only  []string

	mu  sync.Mutex
	log *os.File
}

func (s *website) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	fmt.Fprintf(s.log, "%s %s %s\n", r.Method, strconv.Quote(r.URL.String()), r.Header.Get("Range"))
	s.mu.Unlock()
	user, password, _ := r.BasicAuth()
	if len(s.only) > 0 && !slices.Contains(s.only, strings.Join([]string{user, password}, ":")) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	s.files.ServeHTTP(w, r)
}
