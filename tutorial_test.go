package ntk_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A lesson is a block of commands of the tutorial, and what is quoted of their
// output, if anything.
type lesson struct {
	line             int
	skipped          bool
	commands, quoted string
}

// lessons reads the blocks of a document: sh, and text behind it.
func lessons(t *testing.T, path string) []lesson {
	t.Helper()
	document := text(t, path)
	var all []lesson
	for _, m := range regexp.MustCompile("(?ms)^(<!-- not run[^\n]*-->\n)?```(sh|text)\n(.*?)^```$").FindAllStringSubmatchIndex(document, -1) {
		body := document[m[6]:m[7]]
		if document[m[4]:m[5]] == "sh" {
			all = append(all, lesson{line: 1 + strings.Count(document[:m[0]], "\n"), skipped: m[2] >= 0, commands: body})
			continue
		}
		if len(all) == 0 || all[len(all)-1].quoted != "" {
			t.Fatalf("%s: the output %q has no command before it", path, body)
		}
		all[len(all)-1].quoted = body
	}
	return all
}

var (
	numbers = regexp.MustCompile(`[-−]?\d+(\.\d+)?(e[-+]?\d+)?`)
	rules   = regexp.MustCompile(`─+`)
)

// plain is a line without what differs between machines: numbers and the
// widths of columns.
func plain(line string) string {
	return rules.ReplaceAllString(numbers.ReplaceAllString(strings.Join(strings.Fields(line), " "), "#"), "─")
}

// TestTutorial runs docs/tutorial.md in an empty folder beside a checkout, with
// the settings of nobody, and finds every quoted line in the output, in order.
func TestTutorial(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the tutorial uses bash and kill -9")
	}
	root, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	dir, bin := t.TempDir(), t.TempDir()
	if out, err := exec.Command("go", "build", "-o", bin, "./cmd/ntk").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.Symlink(root, filepath.Join(dir, "ntk")); err != nil {
		t.Fatal(err)
	}
	// What go mod tidy needs is what this test was built from. With -trimpath what
	// is compiled in this folder is found again from the next one.
	environment := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"), "XDG_CONFIG_HOME="+t.TempDir(),
		"GOFLAGS=-mod=mod -trimpath", "GOPROXY=off", "GOSUMDB=off")
	ran, skipped := 0, 0
	for _, l := range lessons(t, "docs/tutorial.md") {
		if l.skipped {
			skipped++
			continue
		}
		ok := t.Run(fmt.Sprintf("line %d", l.line), func(t *testing.T) {
			if testing.Short() && strings.Contains(l.commands, "go run") {
				t.Skip("compiles the module again, for the network of one's own: 20 seconds")
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			c := exec.CommandContext(ctx, "bash", "-eu", "-o", "pipefail", "-c", l.commands)
			c.Dir, c.Env, c.WaitDelay = dir, environment, time.Second
			out, err := c.CombinedOutput()
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			quote(t, l.quoted, string(out))
		})
		if !ok {
			t.FailNow() // the next ones use its files
		}
		ran++
	}
	if ran < 8 || skipped != 1 {
		t.Errorf("%d blocks ran and %d did not, want at least 8, and 1: the installation", ran, skipped)
	}
}

// quote finds the lines that are quoted in an output, in order.
func quote(t *testing.T, quoted, out string) {
	t.Helper()
	rest := strings.Split(out, "\n")
	for line := range strings.Lines(quoted) {
		if line = plain(line); line == "…" {
			continue
		}
		for len(rest) > 0 && plain(rest[0]) != line {
			rest = rest[1:]
		}
		if len(rest) == 0 {
			t.Errorf("quoted is %q, which is not printed, or not in this place: %s", line, out)
			return
		}
	}
}
