package cmd

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestPlanDocument runs the command whose plan docs/empirical.md explains, and
// compares it with what stands there: ways, shapes, FLOPs, bytes. Seconds may
// change with the rates that they are predicted by.
func TestPlanDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/empirical.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```console\n\\$ ntk ([^\n]*)\n(.*?)```").FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("docs/empirical.md has no console block with a command of ntk")
	}
	args := strings.Fields(m[1])
	r := succeed(t, nil, append(args, "--backend", "go", "--quiet")...)
	seconds := regexp.MustCompile(` +[0-9.e+-]+ s\b`)
	got, want := seconds.ReplaceAllString(r.stdout, " SECONDS"), seconds.ReplaceAllString(m[2], " SECONDS")
	if n := strings.Count(got, "SECONDS"); n != 4 || !strings.Contains(got, "GFLOP") {
		t.Errorf("%d weights with seconds, want 4: %q", n, got)
	}
	if got != want {
		t.Errorf("ntk %s prints\n%s\ndocs/empirical.md has\n%s", m[1], got, want)
	}
}
