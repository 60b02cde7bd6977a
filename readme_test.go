package ntk_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/gontk/ntk/models"
)

func text(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestREADME compares what README.md quotes and names with what is there: the
// example, files, targets of make, the size of the zoo.
func TestREADME(t *testing.T) {
	readme := text(t, "README.md")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(readme, -1)
	if len(blocks) != 1 {
		t.Fatalf("%d blocks of Go, want 1", len(blocks))
	}
	example := blocks[0][1]
	if program := text(t, "examples/ownmodel/main.go"); !strings.Contains(program, example) {
		t.Error("the example is not in examples/ownmodel/main.go as it stands")
	}
	if lines := strings.Count(example, "\n"); lines > 20 {
		t.Errorf("the example has %d lines, want at most 20", lines)
	}
	if want := fmt.Sprintf("zoo of %d networks", len(models.List())); !strings.Contains(readme, want) {
		t.Errorf("README.md does not say %q", want)
	}
	targets := text(t, "Makefile")
	for _, m := range regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(readme+text(t, "CONTRIBUTING.md"), -1) {
		if !strings.Contains(targets, "\n"+m[1]+":") {
			t.Errorf("the Makefile has no target %s", m[1])
		}
	}
}

// TestLinks follows every link of a document to a file.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#]+)[^)]*\)|src="([^"]+)"`)
	seen := 0
	for _, d := range append(documents, "README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md") {
		for _, m := range link.FindAllStringSubmatch(text(t, d), -1) {
			to := m[1] + m[2]
			if strings.Contains(to, "://") {
				continue
			}
			seen++
			if _, err := os.Stat(filepath.Join(filepath.Dir(d), to)); err != nil {
				t.Errorf("%s: %v", d, err)
			}
		}
	}
	if seen == 0 {
		t.Error("no links found")
	}
}

// TestFuzzTargets compares the table of SECURITY.md with the fuzz targets there are.
func TestFuzzTargets(t *testing.T) {
	table := strings.Join(regexp.MustCompile("(?m)^\\|.*`Fuzz.*$").FindAllString(text(t, "SECURITY.md"), -1), "\n")
	listed := len(regexp.MustCompile("`Fuzz[A-Za-z]+`").FindAllString(table, -1))
	found := 0
	target := regexp.MustCompile(`(?m)^func (Fuzz\w+)\(f \*testing\.F\)`)
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, m := range target.FindAllStringSubmatch(text(t, path), -1) {
			found++
			row := regexp.MustCompile("(?m)^\\| `" + regexp.QuoteMeta(filepath.ToSlash(filepath.Dir(path))) + "` \\|.*`" + m[1] + "`")
			if !row.MatchString(table) {
				t.Errorf("SECURITY.md does not list %s of %s", m[1], filepath.Dir(path))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found != listed {
		t.Errorf("SECURITY.md lists %d fuzz targets, there are %d", listed, found)
	}
}
