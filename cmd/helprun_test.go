package cmd

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// unrun are verbs whose examples want a network or a server, or measure the machine
// for ten seconds; their own tests run them.
var unrun = regexp.MustCompile(`^ntk (setup|data fetch|worker)|^ntk doctor( --backend go)?$|--queue`)

// smaller rewrites an example for data that are in the program, fewer examples,
// and small networks in pure Go.
func smaller(line string) []string {
	line = strings.NewReplacer(
		"--train mnist --test mnist-test", "--train digits", "--train cifar10 --test cifar10-test", "--train digits",
		"uci/wine", "digits", "--examples all", "--examples 200", "--depths 4,16,64", "--depths 2,4", "--steps 64 --at", "--steps=64 --at", "--data cifar10", "--data digits",
	).Replace(line)
	words := strings.Fields(line)[1:]
	has := func(flag string) bool { return strings.Contains(line, flag+" ") }
	for i, w := range words {
		divide := map[string]int{"--examples": 50, "--test-examples": 50, "--widths": 16, "--seeds": 8, "--steps": 20, "--batch": 5, "--draws": 5}[w]
		if divide == 0 || i+1 == len(words) {
			continue
		}
		var small []string
		for n := range strings.SplitSeq(words[i+1], ",") {
			if k, err := strconv.Atoi(n); err == nil {
				n = strconv.Itoa(min(k, max(2, k/divide)))
			}
			small = append(small, n)
		}
		words[i+1] = strings.Join(small, ",")
	}
	verb := words[0]
	if verb == "models" {
		verb = words[1]
	}
	zoo := (has("--model") || strings.Contains(line, "--kernel cnn") || strings.Contains(line, "--kernel limit:")) && !has("--model arch.json")
	if (zoo || verb == "show" && has("models")) && !has("--widths") && verb != "compare" && verb != "check" {
		words = slices.Insert(words, len(strings.Fields(strings.Split(line, " >")[0]))-1, "--width", "4")
	}
	if (verb == "check" || verb == "compare") && !has("--widths") {
		words = append(words, "--widths", "4,8")
	}
	switch verb {
	case "diagnose", "gram", "spectrum", "evolve", "compare", "limit":
		if !has("--examples") && (has("--model") || strings.Contains(line, "arch.json")) {
			words = append(words, "--examples", "4")
		}
	case "predict":
		if !has("--examples") {
			words = append(words, "--examples", "40")
		}
		if !has("--test-examples") && !has("--protocol") {
			words = append(words, "--test-examples", "5")
		}
	}
	if network := has("--model") || strings.Contains(line, "--kernel cnn"); network && verb != "show" && verb != "limit" && !has("--backend") {
		words = append(words, "--backend", "go")
	}
	return words
}

// TestHelpRuns runs the examples of every verb's help, made smaller, one verb after
// another in one folder: what one writes another reads.
func TestHelpRuns(t *testing.T) {
	if testing.Short() {
		t.Skip("50 runs take a quarter of a minute; TestHelp parses the same lines")
	}
	t.Chdir(t.TempDir())
	a := &app{program: "ntk"}
	lines := map[string][]string{}
	var order []string
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Example != "" && c.HasParent() {
			order = append(order, c.CommandPath())
			for line := range strings.Lines(c.Example) {
				lines[c.CommandPath()] = append(lines[c.CommandPath()], strings.TrimSpace(line))
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
	if err := os.WriteFile("images.npy", npy("(8, 8, 8, 1)", integers(8, 64)...), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(line string) {
		t.Helper()
		words := smaller(line)
		into := ""
		if n := len(words); n > 2 && words[n-2] == ">" {
			words, into = words[:n-2], words[n-1]
		}
		r := do(t.Context(), nil, words...)
		if r.status != 0 {
			t.Errorf("%s\nas ntk %s: status %d, %s", line, strings.Join(words, " "), r.status, r.stderr)
		}
		if into != "" {
			if err := os.WriteFile(into, []byte(r.stdout), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	// What others read comes first.
	first := []string{"ntk models show", "ntk gram"}
	ran := 0
	for _, path := range append(first, order...) {
		for _, line := range lines[path] {
			if unrun.MatchString(line) {
				continue
			}
			// The parts that an example joins.
			if rest, ok := strings.CutPrefix(line, "ntk merge "); ok {
				for i, folder := range []string{"1", "2"} {
					out := "parts"
					if strings.Contains(rest, "node1") {
						out = "node" + folder
					} else {
						line = strings.Replace(line, "merge theta", "merge parts", 1)
					}
					run("ntk gram --model cnn-gap --data digits --examples 500 --resume --out " + out + " --shard " + strconv.Itoa(i+1) + "/2")
				}
				line = strings.Replace(line, "--out theta", "--out joined", 1)
			}
			run(line)
			ran++
		}
		delete(lines, path)
	}
	if ran < 30 {
		t.Errorf("%d examples ran, want at least 30", ran)
	}
}
