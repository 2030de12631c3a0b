package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A message is a text in the source that people read: an error, an answer, a
// warning, a line of the log, a line of help.
type message struct {
	where  string // file:line
	file   string
	text   string // with its verbs; %s for what is joined to it
	kind   kind
	name   string   // of the variable that holds the error, or ""
	errors []string // the verbs that stand for errors
}

// kind is how a message reaches people.
type kind int

const (
	isError kind = iota
	isAnswer
	isPrinted // with its line's end
	isLog
	isHelp
)

// A rule is something that holds for messages of some kinds.
type rule struct {
	says  string
	kinds []kind
	holds func(message) bool
}

// rules are what CONTRIBUTING.md says of messages, as far as a program can see.
func rules(wrapped map[string]bool) []rule {
	all := []kind{isError, isAnswer, isPrinted, isLog, isHelp}
	capital := regexp.MustCompile(`^[A-Z][a-z]`)
	name := regexp.MustCompile(`^Android\b`)
	excuse := regexp.MustCompile(`(?i)\b(failed to|unable to|could ?n[o']t|can't|please|sorry|oops|error occurred|expected .* got)\b`)
	before := regexp.MustCompile(`%.*\bmust\b|\bmust\b.*%w$`)
	next := regexp.MustCompile(`\bmust\b|, but |: [^%]|, see |%w`)
	return []rule{
		{"must begin in lower case", all, func(m message) bool { return !capital.MatchString(m.text) || name.MatchString(m.text) }},
		{"must not end in a full stop, a colon or white space", all, func(m message) bool {
			text := m.text
			if m.kind == isPrinted {
				text = strings.TrimSuffix(text, "\n")
			}
			return strings.Trim(text, "\n\t") == "" || strings.HasSuffix(text, "...") || !strings.ContainsAny(text[len(text)-1:], ".:!,; \n\t")
		}},
		{"must say what is, not that something failed, and without excuses", all, func(m message) bool { return !excuse.MatchString(m.text) }},
		{"must not call itself an error", []kind{isError}, func(m message) bool { return !strings.HasPrefix(m.text, "error") }},
		{"must say what is where it says what must be", []kind{isError}, func(m message) bool {
			return !strings.Contains(m.text, "must ") || strings.Contains(m.text, ", but ") || before.MatchString(m.text)
		}},
		{"must wrap an error by %w", []kind{isError}, func(m message) bool {
			return !slices.ContainsFunc(m.errors, func(verb string) bool { return verb != "w" })
		}},
		{"must say what was expected, or what to type next", []kind{isError}, func(m message) bool {
			return !talksToUsers(m.file) || wrapped[m.name] || next.MatchString(m.text)
		}},
	}
}

// talksToUsers reports whether a file's errors are answers as they stand.
func talksToUsers(file string) bool {
	dir := path.Dir(file)
	return dir == "." || dir == "shell" || strings.HasPrefix(dir, "shell/") || dir == "vmconfig"
}

// excepted are the messages that break a rule, each with its reason.
var excepted = map[string]string{
	"Cleared %d elements from background-status":                         "people know these words",
	"Started background process with id %d":                              "people know these words",
	"Display help on a command. Here is a list of commands:\n%s":         "people know these words",
	"If you really want to stop the minimega daemon, enter 'quit' again": "people know these words",
	"must specify either command or suggest":                             "programs know these words",

	"[image %s] please specify a partition; multiple found: as in IMAGE:1": "people know these words",
	"timed out": "stands behind the node that did",
	"must be like 10MB, 10MiB or 80Mbit, a second, or off": "what is stands behind it",
	"limit must be off or at least 10kB/s":                 "what is stands behind it",
	"no help entry for `%s`: %s":                           "what may have been meant follows",
	"[image %s] %v":                                        "qemu-img's own words follow",
	"[image %s] %s: %v":                                    "qemu-img's own words follow",

	"must hold a single top-level directory":   "is followed by what is held",
	"'(' must have its ')' and a name between": "is for who writes a pattern, which stands before it",

	"a command failed":              "is never printed: what failed has been",
	"the line has ended":            "is never printed: it ends a reader",
	"this node unpacks no archives": "is for who composes a program of the packages",
}

func TestEveryMessageFollowsTheStyle(t *testing.T) {
	all, wrapped := readMessages(t)
	if len(all) < 400 {
		t.Fatalf("only %d messages were found", len(all))
	}
	used := map[string]bool{}
	for _, r := range rules(wrapped) {
		for _, m := range all {
			switch {
			case !slices.Contains(r.kinds, m.kind) || r.holds(m):
			case excepted[m.text] != "":
				used[m.text] = true
			default:
				t.Errorf("%s: %q: %s", m.where, m.text, r.says)
			}
		}
	}
	for text := range excepted {
		if !used[text] {
			t.Errorf("%q breaks no rule: it needs no exception", text)
		}
	}
}

// readMessages returns all messages of the program, and the names of the
// variables whose errors are said in other ones.
func readMessages(t *testing.T) (all []message, wrapped map[string]bool) {
	wrapped = map[string]bool{}
	eachSource(t, func(file string, src *ast.File, fset *token.FileSet) {
		if strings.HasPrefix(file, "scripts/") {
			return
		}
		names := map[ast.Expr]string{}
		note := func(e ast.Expr) {
			if name := lastName(e); name != "" {
				wrapped[name] = true
			}
		}
		add := func(k kind, e ast.Expr, args []ast.Expr) {
			if text, ok := constant(e); ok {
				at := fset.Position(e.Pos())
				all = append(all, message{
					where: fmt.Sprintf("%s:%d", file, at.Line), file: file, text: text, kind: k, errors: errorVerbs(text, args),
				})
			}
		}
		ast.Inspect(src, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				for i, value := range n.Values {
					names[value] = n.Names[min(i, len(n.Names)-1)].Name
				}
			case *ast.CallExpr:
				if k, arg, ok := said(n); ok && arg < len(n.Args) {
					count := len(all)
					add(k, n.Args[arg], n.Args[arg+1:])
					if len(all) > count {
						all[count].name = names[n]
					}
				}
				if called(n) == "fmt.Errorf" {
					for _, arg := range n.Args {
						note(arg)
					}
				}
			case *ast.FuncDecl:
				switch {
				case n.Recv == nil:
				case n.Name.Name == "Error":
					eachText(n.Body, func(e ast.Expr) { add(isError, e, nil) })
				case n.Name.Name == "Unwrap":
					for _, s := range n.Body.List {
						if r, ok := s.(*ast.ReturnStmt); ok {
							note(r.Results[0])
						}
					}
				}
			case *ast.CompositeLit:
				for _, e := range n.Elts {
					note(e)
				}
			case *ast.KeyValueExpr:
				if key, ok := n.Key.(*ast.Ident); ok && key.Name == "Help" {
					add(isHelp, n.Value, nil)
				}
			}
			return true
		})
	})
	return all, wrapped
}

// eachText calls f for the sentences in n: literals of several words.
func eachText(n ast.Node, f func(ast.Expr)) {
	ast.Inspect(n, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		text, ok := constant(e)
		if ok && strings.Contains(strings.TrimSpace(text), " ") {
			f(e)
		}
		return !ok
	})
}

// said returns how what a call is given reaches people, and in which argument.
func said(call *ast.CallExpr) (k kind, arg int, ok bool) {
	name := called(call)
	switch name {
	case "errors.New", "fmt.Errorf", "badValue", "valueError", "t.refuse":
		return isError, 0, true
	case "f.StringVar", "f.BoolVar", "f.IntVar":
		return isHelp, 3, true
	case "fmt.Sprintf":
		return isAnswer, 0, isSentence(call.Args[0])
	case "fmt.Fprintf", "fmt.Fprintln":
		return isPrinted, 1, len(call.Args) > 1 && isSentence(call.Args[1])
	}
	switch _, method, _ := strings.Cut(name, "."); {
	case method == "Text" || method == "Bare":
		return isAnswer, 0, true
	case slices.Contains([]string{"Debug", "Info", "Warn", "Error", "warn", "warnOnce"}, method) && len(call.Args) > 0:
		return isLog, 0, true
	}
	return 0, 0, false
}

// isSentence reports whether what is printed has several words, so that it is
// no cell, name or line of a file.
func isSentence(e ast.Expr) bool {
	text, _ := constant(e)
	return len(regexp.MustCompile(`(^|\s)[A-Za-z]{2,}`).FindAllString(text, -1)) > 1
}

// called returns the function of a call, with the package or the value that it
// is of.
func called(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		return lastName(f.X) + "." + f.Sel.Name
	}
	return ""
}

// lastName returns the last word of an expression such as store.ErrBadName.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// constant returns the text of a literal, or of what is joined to one; for
// fmt.Sprintf its format.
func constant(e ast.Expr) (text string, ok bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.CallExpr:
		if called(e) == "fmt.Sprintf" {
			return constant(e.Args[0])
		}
	case *ast.BinaryExpr:
		left, ok1 := constant(e.X)
		right, ok2 := constant(e.Y)
		if !ok1 {
			left = "%s"
		}
		if !ok2 {
			right = "%s"
		}
		return left + right, e.Op == token.ADD && (ok1 || ok2)
	}
	return "", false
}

// errorVerbs returns the verbs of the arguments that are errors by their names.
func errorVerbs(format string, args []ast.Expr) (verbs []string) {
	verb := regexp.MustCompile(`%[-+# 0-9.]*([a-zA-Z%])`)
	anError := regexp.MustCompile(`^err$|^[eE]rr[A-Z]`)
	i := 0
	for _, found := range verb.FindAllStringSubmatch(format, -1) {
		if found[1] == "%" {
			continue
		}
		if i < len(args) {
			if anError.MatchString(lastName(args[i])) {
				verbs = append(verbs, found[1])
			}
		}
		i++
	}
	return verbs
}
