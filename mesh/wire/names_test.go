package wire

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

func TestFileNamesAreCleaned(t *testing.T) {
	for in, want := range map[string]FileName{
		"": "", "/": "", ".": "", "./a": "a", "/x": "x", "a//b/": "a/b", "a/./b": "a/b",
		"..a": "..a", "a b": "a b", "-rf": "-rf", "e\u0301": "é", "日本": "日本",
	} {
		if got, err := ParseFileName(in); err != nil || got != want {
			t.Errorf("%q: %q, %v, not %q", in, got, err, want)
		}
	}
}

func TestBadFileNamesAreRefused(t *testing.T) {
	for _, in := range []string{
		"..", "../x", "a/..", "a/../b", "/..", "a\x00b", "a\nb", "\x1b[31m", "a\u202eb", "a\u2028b",
		"\xff", strings.Repeat("a", 256), strings.Repeat("a/", 65), strings.Repeat(strings.Repeat("a", 200)+"/", 6),
	} {
		if got, err := ParseFileName(in); !errors.Is(err, ErrBadName) {
			t.Errorf("%.40q: %q, %v", in, got, err)
		}
	}
}

func TestNodeNames(t *testing.T) {
	for _, good := range []string{"kn1", "a.b-c_d", "9", "KN", strings.Repeat("a", MaxNodeName)} {
		if _, err := ParseNodeName(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "all", "ALL", "-a", ".a", "a b", "a~b", "a,b", "a[1]", "ä", "a\n", strings.Repeat("a", MaxNodeName+1)} {
		if _, err := ParseNodeName(bad); !errors.Is(err, ErrBadName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// FuzzPathNormalize: a name that passes stays inside any directory, can be
// shown, and is its own normal form.
func FuzzPathNormalize(f *testing.F) {
	for _, seed := range []string{"a/b", "../x", "/etc/passwd", "a/./../b", "e\u0301", "a\\..\\b", "\u202e", "a\x00", "...", "a/ /b", strings.Repeat("a/", 70)} {
		f.Add(seed)
	}
	dir := f.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { root.Close() })
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseFileName(s)
		if err != nil {
			if !errors.Is(err, ErrBadName) {
				t.Fatalf("%v does not wrap ErrBadName", err)
			}
			return
		}
		if again, err := ParseFileName(string(name)); err != nil || again != name {
			t.Fatalf("%q becomes %q, %v", name, again, err)
		}
		if len(name) > MaxFileName || strings.ContainsFunc(string(name), unicode.IsControl) {
			t.Fatalf("%q passed", name)
		}
		if name == "" {
			return
		}
		if !filepath.IsLocal(string(name)) || !strings.HasPrefix(filepath.Join(dir, string(name)), dir+"/") {
			t.Fatalf("%q leads out", name)
		}
		if _, err := root.Lstat(string(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatalf("%q: %v", name, err)
		}
	})
}
