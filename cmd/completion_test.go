package cmd

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// TestCompletion asks as the shells' scripts do, and compares the values of flags
// with those that the verb names when it refuses another.
func TestCompletion(t *testing.T) {
	complete := func(words ...string) []string {
		r := succeed(t, []Model{linear("line", 1, nil)}, append([]string{"__complete"}, words...)...)
		var out []string
		for line := range strings.Lines(r.stdout) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			if !strings.HasPrefix(word, ":") {
				out = append(out, word)
			}
		}
		return out
	}
	for _, tc := range []struct{ line, want string }{
		{"gr", "gram"},
		{"models ch", "check"},
		{"gram --exam", "--examples"},
		{"gram --model ", "line"},
		{"gram --model ", "resnet18"},
		{"limit --data ", "digits"},
		{"diagnose --data ", "cifar10"},
	} {
		words := strings.Split(tc.line, " ")
		if got := complete(words...); !slices.Contains(got, tc.want) {
			t.Errorf("ntk %s: %q lacks %q", tc.line, got, tc.want)
		}
	}
	for _, line := range []string{
		"gram --outputs", "diagnose --outputs", "spectrum --outputs", "gram --way", "gram --dtype", "models check --dtype",
		"doctor --backend", "limit --initializer", "gram --layout", "data show --standardize",
	} {
		words := strings.Fields(line)
		got := complete(append(words, "")...)
		args := append(slices.Clone(words), "bogus")
		switch words[0] {
		case "data":
			args = append(args, "digits")
		case "doctor":
		default:
			args = append(args, "--model", "mlp")
		}
		r := do(t.Context(), nil, args...)
		_, wants, ok := strings.Cut(strings.TrimSpace(r.stderr), "want ")
		if r.status != exitUsage || !ok {
			t.Errorf("%s: status %d, stderr %q", line, r.status, r.stderr)
		}
		wants, _, _ = strings.Cut(wants, " (--")
		if want := strings.Split(strings.ReplaceAll(wants, " or ", ", "), ", "); !slices.Equal(got, want) {
			t.Errorf("%s completes %q, and takes %q", line, got, want)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if r := succeed(t, nil, "completion", shell); !strings.Contains(r.stdout, "__complete") || r.stderr != "" {
			t.Errorf("completion %s: %.80q, stderr %q", shell, r.stdout, r.stderr)
		}
	}
}

// TestMan has a page for every verb, with its flags.
func TestMan(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "man1")
	succeed(t, nil, "man", folder)
	root := (&app{program: "ntk"}).root()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		page, err := os.ReadFile(filepath.Join(folder, strings.ReplaceAll(c.CommandPath(), " ", "-")+".1"))
		if err != nil || !strings.Contains(string(page), ".SH NAME") || !strings.Contains(string(page), "quiet") {
			t.Errorf("%s: %v, %.80q", c.CommandPath(), err, page)
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}
