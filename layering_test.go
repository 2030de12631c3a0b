package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of this program.
const module = "minimega"

// An edge allows the packages at and below from to import to; why is printed
// where somebody asks for more.
type edge struct{ from, to, why string }

// allowed holds every edge between our own packages. Siblings never import
// siblings: what one needs of another it declares as a small interface beside
// its use, and main hands it over.
var allowed = []edge{
	{"mesh", "mesh/wire", "the mesh speaks the wire's names and bytes"},
	{"mesh", "mesh/sockopt", "sockets are asked without the scheduler watching"},
	{"mesh", "mesh/topology", "the mesh runs the pure state machine"},
	{"mesh", "mesh/discovery", "hints are the mesh's own vocabulary"},
	{"transfer", "mesh/wire", "chunks and names cross the network"},
	{"transfer", "mesh/sockopt", "flows ask their sockets with each chunk"},
	{"transfer", "transfer/planner", "the engine asks the pure planner what is next"},
	{"transfer", "transfer/digest", "contents are hashed in one place"},
	{"transfer", "transfer/store", "the engine reads and writes through the store"},
	{"transfer/download", "mesh/wire", "nodes agree on who downloads a URL"},
	{"transfer/download", "transfer/store", "what is downloaded is published through the store"},
	{"completion", "mesh/wire", "names of nodes and files"},
	{"shell", "mesh", "commands show and steer the mesh"},
	{"shell", "mesh/wire", "names of nodes and files"},
	{"shell", "transfer", "commands show and steer transfers"},
	{"shell", "transfer/store", "listing is the store's vocabulary"},
	{"shell", "completion", "the grammar implements completion's interface"},
	{"shell", "vmconfig", "vm config's commands come from its table"},
	{"shell", "shell/grammar", "parsing has no I/O in it"},
	{"shell", "shell/output", "answers are rendered and escaped in one place"},
	{"shell", "shell/child", "programs are run, ended and bounded in one way"},
	{"shell", "shell/disk", "disk commands run qemu-img through one place"},
	{"shell", "shell/plumb", "pipes and pipelines are no matter of the shell's"},
	{"shell", "shell/term", "the prompt is one of three front ends"},
}

// pure lists what must do without I/O, goroutines and clocks of its own: a
// package, or a single file of one.
var pure = []string{"mesh/topology", "transfer/planner", "shell/grammar", "completion/complete.go"}

// impure are the imports that pure code goes without.
var impure = []string{"os", "net", "sync", "sync/atomic", "context", "os/exec", "syscall"}

func TestPackagesImportOnlyWhatTheLayersAllow(t *testing.T) {
	eachSource(t, func(file string, src *ast.File, _ *token.FileSet) {
		from := path.Dir(file)
		for _, to := range imports(src) {
			inner, ours := strings.CutPrefix(to, module+"/")
			if !ours || from == "." || strings.HasPrefix(from, "scripts") || mayImport(from, inner) {
				continue
			}
			t.Errorf("%s imports %s: no layer allows it; declare the one to three methods that it needs as an interface, "+
				"and let main hand them over. Allowed from here:%s", file, to, reasons(from))
		}
	})
}

func TestPureCodeHasNoClockGoroutineOrIO(t *testing.T) {
	eachSource(t, func(file string, src *ast.File, fset *token.FileSet) {
		if !slices.ContainsFunc(pure, func(p string) bool { return p == file || p == path.Dir(file) }) {
			return
		}
		for _, to := range imports(src) {
			if slices.Contains(impure, to) {
				t.Errorf("%s imports %s: it takes events and times and gives actions", file, to)
			}
		}
		ast.Inspect(src, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GoStmt:
				t.Errorf("%s: a goroutine in pure code", fset.Position(n.Pos()))
			case *ast.SelectorExpr:
				pkg, ok := n.X.(*ast.Ident)
				if ok && pkg.Name == "time" && slices.Contains([]string{"Now", "Since", "After", "Sleep", "NewTimer"}, n.Sel.Name) {
					t.Errorf("%s: time.%s in pure code: hand the clock in", fset.Position(n.Pos()), n.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestMainIsReadAtAGlance(t *testing.T) {
	const most = 100 // lines
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(text), "\n"); lines > most {
		t.Errorf("main.go: must have at most %d lines, but has %d: it only composes", most, lines)
	}
}

func TestOnlyMainExits(t *testing.T) {
	eachSource(t, func(file string, src *ast.File, fset *token.FileSet) {
		if file == "main.go" || strings.HasPrefix(file, "scripts/") {
			return
		}
		ast.Inspect(src, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			pkg, ok := sel.X.(*ast.Ident)
			if ok && (pkg.Name == "os" && sel.Sel.Name == "Exit" || pkg.Name == "log" && strings.HasPrefix(sel.Sel.Name, "Fatal")) {
				t.Errorf("%s: %s.%s: return an error instead", fset.Position(n.Pos()), pkg.Name, sel.Sel.Name)
			}
			return true
		})
	})
}

// eachSource calls f for every Go file of the program that is no test.
func eachSource(t *testing.T, f func(file string, src *ast.File, fset *token.FileSet)) {
	t.Helper()
	fset := token.NewFileSet()
	seen := 0
	err := filepath.WalkDir(".", func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && file != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return fs.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		src, err := parser.ParseFile(fset, file, nil, 0)
		if err != nil {
			return err
		}
		seen++
		f(filepath.ToSlash(file), src, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Fatal("no source was read")
	}
}

func imports(src *ast.File) []string {
	var paths []string
	for _, spec := range src.Imports {
		p, err := strconv.Unquote(spec.Path.Value)
		if err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func mayImport(from, to string) bool {
	return slices.ContainsFunc(allowed, func(e edge) bool { return e.to == to && within(from, e.from) })
}

// within reports whether package p is top or lies below it.
func within(p, top string) bool { return p == top || strings.HasPrefix(p, top+"/") }

func reasons(from string) string {
	var b strings.Builder
	for _, e := range allowed {
		if within(from, e.from) {
			b.WriteString("\n\t" + e.to + ": " + e.why)
		}
	}
	return b.String()
}
