package cmd

import (
	"encoding/json"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/models"
)

// TestModelsList has one network a line, this program's own ones first.
func TestModelsList(t *testing.T) {
	own := []Model{linear("line", 1, nil)}
	lines := strings.Split(strings.TrimSuffix(succeed(t, own, "models", "list").stdout, "\n"), "\n")
	var names []string
	for _, l := range lines {
		name, about, ok := strings.Cut(l, " ")
		if !ok || strings.TrimSpace(about) == "" {
			t.Errorf("line %q has no name and description", l)
		}
		names = append(names, name)
	}
	if names[0] != "line" || !slices.Contains(names, "mlp") || !slices.Contains(names, "resnet18") {
		t.Errorf("listed are %q", names)
	}
	for i, m := range at(t, decode(t, "ntk/models/1", succeed(t, own, "models", "list", "--json").stdout), "models").([]any) {
		if at(t, m, "name") != names[i] || at(t, m, "own") != (i == 0) {
			t.Errorf("network %d is %v, in the text %s", i, m, names[i])
		}
	}
}

// TestModelsShow reads back what it prints: every network of the zoo, and a
// small one whose layers are known.
func TestModelsShow(t *testing.T) {
	for _, line := range strings.Split(strings.TrimSuffix(succeed(t, nil, "models", "list").stdout, "\n"), "\n") {
		name, _, _ := strings.Cut(line, " ")
		text := succeed(t, nil, "models", "show", name, "--width", "4", "--input", "32,32,3").stdout
		s, err := models.ParseSpec(strings.NewReader(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		again, err := encodeJSON(s)
		if err != nil || string(again) != text {
			t.Errorf("%s: read back and written it is %q, %v, want %q", name, again, err, text)
		}
	}

	var s struct {
		Layers []struct {
			Op    string   `json:"op"`
			Width int      `json:"width"`
			WStd  float64  `json:"w_std"`
			BStd  *float64 `json:"b_std"`
		} `json:"layers"`
		Parameterization string `json:"parameterization"`
		InputShape       []int  `json:"input_shape"`
	}
	text := succeed(t, nil, "models", "show", "mlp", "--depth", "2", "--width", "5", "--input", "4", "--outputs", "3",
		"--activation", "tanh", "--w-std", "1.5", "--b-std", "0.5", "--parameterization", "standard").stdout
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatal(err)
	}
	var got []string
	var widths []int
	for _, l := range s.Layers {
		got = append(got, l.Op)
		if l.Op == "dense" {
			widths = append(widths, l.Width)
			if l.WStd != 1.5 || l.BStd == nil || *l.BStd != 0.5 {
				t.Errorf("a layer has gains %g and %v, want 1.5 and 0.5", l.WStd, l.BStd)
			}
		}
	}
	if want := []string{"dense", "tanh", "dense", "tanh", "dense"}; !slices.Equal(got, want) || !slices.Equal(widths, []int{5, 5, 3}) {
		t.Errorf("layers %q of widths %v, want %q, 5 5 3", got, widths, want)
	}
	// What only some networks of the zoo have.
	for flags, want := range map[string]string{
		"vit-tiny --width 8 --depth 1 --heads 2":                   `"heads": 2`,
		"vit-tiny --width 8 --depth 1 --patch 16":                  "\"filter\": [\n        16,\n        16\n      ]",
		"transformer --width 8 --depth 1 --input 5 --vocabulary 7": `"vocabulary": 7`,
		"mlp --width 8 --initializer uniform":                      `"initializer": "uniform"`,
		"mlp --width 8 --published":                                `"b_std": 0`,
		"resnet18 --width 8 --norm running":                        `"mode": "running"`,
	} {
		if text := succeed(t, nil, append([]string{"models", "show"}, strings.Fields(flags)...)...).stdout; !strings.Contains(text, want) {
			t.Errorf("models show %s lacks %q", flags, want)
		}
	}
	if s.Parameterization != "standard" || !slices.Equal(s.InputShape, []int{4}) {
		t.Errorf("parameterization %s, input %v", s.Parameterization, s.InputShape)
	}
}

// TestSpecRuns computes a kernel of a spec as models show prints it: with one
// dense layer in the ntk parameterization, z = (σ_w/√d) W x, Θ = σ_w² x·x'/d.
func TestSpecRuns(t *testing.T) {
	spec := write(t, "arch.json", []byte(`{"layers": [{"op": "dense", "width": 2, "w_std": 2, "b_std": null}], "parameterization": "ntk", "input_shape": [4]}`))
	x := integers(3, 4)
	file := write(t, "x.npy", npy("(3, 4)", x...))
	out := filepath.Join(t.TempDir(), "theta")
	succeed(t, nil, "gram", "--model", spec, "--backend", "go", "--quiet", "--data", file, "--examples", "all", "--out", out)
	_, _, theta := readNPY(t, filepath.Join(out, "theta.npy"))
	for k, v := range theta {
		if want := 4 * inner(x, 4, k/3, k%3) / 4; v != want { // σ_w/√d = 1: nothing is rounded
			t.Errorf("Θ[%d, %d] is %g, want %g", k/3, k%3, v, want)
		}
	}
}

func TestVersion(t *testing.T) {
	j := decode(t, "ntk/version/1", succeed(t, nil, "version", "--json").stdout)
	if at(t, j, "go") != runtime.Version() || at(t, j, "platform") != runtime.GOOS+"/"+runtime.GOARCH {
		t.Errorf("version %v", j)
	}
	text := succeed(t, nil, "version").stdout
	if !strings.HasPrefix(text, "ntk ") || !strings.Contains(text, runtime.Version()) || strings.Count(text, "\n") != 1 {
		t.Errorf("version prints %q", text)
	}
}

// TestVersionOf reads the versions of ntk's own program and of another's.
func TestVersionOf(t *testing.T) {
	gomlx := &debug.Module{Path: "github.com/gomlx/gomlx", Version: "v0.26.0"}
	ours := debug.Module{Path: "github.com/gontk/ntk", Version: "v1.2.3"}
	vcs := []debug.BuildSetting{{Key: "vcs.modified", Value: "true"}, {Key: "vcs.revision", Value: "abc"}}
	for _, tc := range []struct {
		name                 string
		info                 *debug.BuildInfo
		ntk, gomlx, revision string
	}{
		{"ours", &debug.BuildInfo{Main: ours, Deps: []*debug.Module{gomlx}, Settings: vcs}, "v1.2.3", "v0.26.0", "abc+changes"},
		{"unchanged", &debug.BuildInfo{Main: ours, Settings: vcs[1:]}, "v1.2.3", "unknown", "abc"},
		// The revision is that of their program.
		{"theirs", &debug.BuildInfo{Main: debug.Module{Path: "example.org/mine", Version: "v9.9.9"}, Deps: []*debug.Module{&ours, gomlx}, Settings: vcs}, "v1.2.3", "v0.26.0", ""},
		{"none", nil, "unknown", "unknown", ""},
	} {
		if v := versionOf(tc.info); v.NTK != tc.ntk || v.GoMLX != tc.gomlx || v.Revision != tc.revision {
			t.Errorf("%s: %+v, want %s, %s, %q", tc.name, v, tc.ntk, tc.gomlx, tc.revision)
		}
	}
}

// TestDoctor checks in pure Go the kernel of w·x, which is x xᵀ.
func TestDoctor(t *testing.T) {
	j := decode(t, "ntk/doctor/1", succeed(t, nil, "doctor", "--quick", "--backend", "go", "--memory", "2GiB", "--json").stdout)
	for path, want := range map[string]any{
		"backend": "go", "plugin": "", "memory_budget": float64(2 << 30), "memory_budget_source": "--memory", "rates": nil,
	} {
		if got := at(t, j, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if e := at(t, j, "kernel_error").(float64); !(e <= 1e-6) { // float32, sums of 3 products
		t.Errorf("the known kernel errs by %g", e)
	}
	text := succeed(t, nil, "doctor", "--quick", "--backend", "go").stdout
	for _, want := range []string{"none: pure Go", "memory budget", "x xᵀ"} {
		if !strings.Contains(text, want) {
			t.Errorf("doctor %q lacks %q", text, want)
		}
	}
	if strings.Contains(text, "WRONG") {
		t.Errorf("doctor finds the backend wrong: %q", text)
	}
}

// TestHelp parses the examples of every verb's help as command lines.
func TestHelp(t *testing.T) {
	a := &app{program: "ntk"}
	seen := 0
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" {
			t.Errorf("%s has no description", c.CommandPath())
		}
		if !c.HasSubCommands() && c.Example == "" && c.Name() != "help" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			line, _, _ = strings.Cut(strings.TrimSpace(line), " >") // into a file
			words := strings.Fields(line)
			verb, rest, err := a.root().Find(words[1:])
			if err != nil || words[0] != "ntk" {
				t.Errorf("example %q: %v", line, err)
				continue
			}
			if err := verb.ParseFlags(rest); err != nil {
				t.Errorf("example %q: %v", line, err)
				continue
			}
			if verb.Args != nil {
				if err := verb.Args(verb, verb.Flags().Args()); err != nil {
					t.Errorf("example %q: %v", line, err)
				}
			}
			if c.HasParent() && verb.CommandPath() != c.CommandPath() {
				t.Errorf("example %q of %s is of %s", line, c.CommandPath(), verb.CommandPath())
			}
			seen++
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(a.root())
	if seen < 20 {
		t.Errorf("%d examples, want at least 20", seen)
	}
	// Help goes to stdout and is no failure.
	for _, args := range []string{"", "--help", "data", "diagnose --help"} {
		if r := succeed(t, nil, strings.Fields(args)...); !strings.Contains(r.stdout, "Usage:") || r.stderr != "" {
			t.Errorf("ntk %s: stdout %q, stderr %q", args, r.stdout, r.stderr)
		}
	}
}
