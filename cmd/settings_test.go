package cmd

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

var update = flag.Bool("update", false, "write the table of docs/configuration.md anew")

// runIn runs a command line with environment variables in a folder with files, whose
// paths and contents alternate.
func runIn(t *testing.T, variables []string, files []string, args ...string) reply {
	t.Helper()
	folder := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		path := filepath.Join(folder, files[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(files[i+1]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chdir(folder); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chdir(here) }() // other helpers of tests read ../docs
	variables = append([]string{"HOME=" + folder}, variables...)
	env := func(name string) string {
		for _, v := range variables {
			if n, value, _ := strings.Cut(v, "="); n == name {
				return value
			}
		}
		return ""
	}
	var out, errs bytes.Buffer
	a := &app{program: "ntk", args: args, stdout: &out, stderr: &errs, env: env, environ: variables, models: []Model{linear("line", 1, nil)}}
	return reply{a.run(t.Context()), out.String(), errs.String()}
}

const userFile = ".config/ntk/ntk.yaml"

// TestSettings asks "models show", which prints what it was given: a flag beats
// the environment, that ./ntk.yaml, that the user's file, and a verb's section
// what stands for all verbs.
func TestSettings(t *testing.T) {
	all := []string{"ntk.yaml", "width: 5\n", userFile, "width: 6\n"}
	for _, tc := range []struct {
		name      string
		variables []string
		files     []string
		args      string
		want      string
	}{
		{"user's file", nil, []string{userFile, "width: 6\n"}, "", `"width": 6`},
		{"XDG_CONFIG_HOME", []string{"XDG_CONFIG_HOME=xdg"}, []string{"xdg/ntk/ntk.yaml", "width: 9\n", userFile, "width: 6\n"}, "", `"width": 9`},
		{"./ntk.yaml beats it", nil, all, "", `"width": 5`},
		{"the environment beats both", []string{"NTK_WIDTH=4"}, all, "", `"width": 4`},
		{"an empty variable is none", []string{"NTK_WIDTH="}, all, "", `"width": 5`},
		{"a flag beats all", []string{"NTK_WIDTH=4"}, all, "--width 3", `"width": 3`},
		{"a verb's section", nil, []string{"ntk.yaml", "width: 5\nmodels:\n  show:\n    width: 7\n"}, "", `"width": 7`},
		{"a section of a group", nil, []string{"ntk.yaml", "width: 5\nmodels: {width: 8}\n"}, "", `"width": 8`},
		{"another verb's section", nil, []string{"ntk.yaml", "width: 5\ngram: {width: 7, outputs: full}\n"}, "", `"width": 5`},
		{"a list replaces the default", nil, []string{"ntk.yaml", "width: 5\ninput: [4]\n"}, "", "\"input_shape\": [\n    4\n  ]"},
		{"a list as text", nil, []string{"ntk.yaml", "width: 5\ninput: 2,3,1\n"}, "", "\"input_shape\": [\n    2,\n    3,\n    1\n  ]"},
		{"a flag replaces a list", nil, []string{"ntk.yaml", "width: 5\ninput: [4]\n"}, "--input 6", "\"input_shape\": [\n    6\n  ]"},
		{"--config beats files", nil, append([]string{"other.yaml", "width: 2\n"}, all...), "--config other.yaml", `"width": 2`},
		{"NTK_CONFIG", []string{"NTK_CONFIG=other.yaml"}, append([]string{"other.yaml", "width: 2\n"}, all...), "", `"width": 2`},
		{"an empty file", nil, []string{"ntk.yaml", "", userFile, "width: 6\n"}, "", `"width": 6`},
		{"other programs' variables", []string{"NTK_SERVICE_HOST=10.0.0.1", "NTK_PORT=tcp://10.0.0.1:80"}, all, "", `"width": 5`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runIn(t, tc.variables, tc.files, append([]string{"models", "show", "mlp", "--depth", "1"}, strings.Fields(tc.args)...)...)
			if r.status != 0 || !strings.Contains(r.stdout, tc.want) || r.stderr != "" {
				t.Errorf("status %d, stdout %q, stderr %q, want %q", r.status, r.stdout, r.stderr, tc.want)
			}
		})
	}
}

// TestSettingsAreDefaults gives settings that a command line could not have:
// they do not count where they make no sense.
func TestSettingsAreDefaults(t *testing.T) {
	theta := string(npy("(2, 2)", 2, 0, 0, 1))
	for _, tc := range []struct{ name, file, args string }{
		{"a network's flags, of a file", "model: mlp\ndata: cifar10\nseed: 3\n", "spectrum theta.npy"},
		{"width of an own network", "width: 7\nexamples: 2\nbackend: go\n", "spectrum --model line --quiet"},
		{"depths, and --depth", "depths: [1, 2]\nbackend: go\nexamples: 2\nwidth: 2\nseeds: 1\n", "diagnose --model mlp --depth 1 --quiet"},
	} {
		r := runIn(t, nil, []string{"ntk.yaml", tc.file, "theta.npy", theta}, strings.Fields(tc.args)...)
		if r.status != 0 {
			t.Errorf("%s: status %d, stderr %q", tc.name, r.status, r.stderr)
		}
	}
}

// TestBadSettings has one line for each, with the source and what is near.
func TestBadSettings(t *testing.T) {
	for _, tc := range []struct {
		name      string
		variables []string
		file      string
		args      string
		want      []string
	}{
		{"unknown key", nil, "widht: 3\n", "models list", []string{"ntk.yaml", `"widht"`, `"width"`, "docs/configuration.md"}},
		{"unknown key of a verb", nil, "gram: {seeds: 3}\n", "models list", []string{`"seeds" of gram`, `"seed"`}},
		{"unknown verb", nil, "gramm: {seed: 3}\n", "models list", []string{`"gramm"`, `"gram"`}},
		{"a verb with a value", nil, "gram: 3\n", "models list", []string{"gram is a verb", `"3"`}},
		{"below a value", nil, "width: {a: 3}\n", "models list", []string{"width", "nothing below it"}},
		{"no value", nil, "width:\n", "models list", []string{"width has no value"}},
		{"force", nil, "force: true\n", "models list", []string{"force", "--force on the command line"}},
		{"code of a folder", nil, "plugin: ./evil.so\n", "models list", []string{"plugin", "code to load", "your own file"}},
		{"no YAML", nil, "width: [\n", "models list", []string{"ntk.yaml", "line 1"}},
		{"no number", nil, "width: wide\n", "models show mlp", []string{"ntk.yaml", `width is "wide"`, "a whole number"}},
		{"no number in a variable", []string{"NTK_WIDTH=wide"}, "", "models show mlp", []string{"environment", `"wide"`, "a whole number"}},
		{"a value that is none of those", nil, "outputs: half\n", "gram --model line --explain", []string{`--outputs "half"`, "mean, full", "(--outputs is set by ntk.yaml)"}},
		{"a variable of that kind", []string{"NTK_OUTPUTS=half"}, "", "gram --model line --explain", []string{`--outputs "half"`, "(--outputs is set by $NTK_OUTPUTS)"}},
		{"a typing error", []string{"NTK_WIDHT=3"}, "", "models list", []string{"NTK_WIDHT", `"NTK_WIDTH"`}},
		{"no such file", nil, "", "models list --config nowhere.yaml", []string{"nowhere.yaml", "no such file"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := runIn(t, tc.variables, []string{"ntk.yaml", tc.file}, strings.Fields(tc.args)...)
			if r.status != exitUsage || r.stdout != "" || strings.Count(r.stderr, "\n") != 1 {
				t.Errorf("status %d, stdout %q, stderr %q, want 2 and one line", r.status, r.stdout, r.stderr)
			}
			for _, w := range tc.want {
				if !strings.Contains(r.stderr, w) {
					t.Errorf("stderr %q lacks %q", r.stderr, w)
				}
			}
		})
	}
	// What tells of settings works without them.
	for _, args := range []string{"version", "help gram", "completion bash", "__complete gram --"} {
		if r := runIn(t, nil, []string{"ntk.yaml", "widht: 3\n"}, strings.Fields(args)...); r.status != 0 {
			t.Errorf("%s: status %d, stderr %q", args, r.status, r.stderr)
		}
	}
}

// TestSettingsShown has doctor and a manifest say what was set, and by what.
func TestSettingsShown(t *testing.T) {
	files := []string{"ntk.yaml", "backend: go\nexamples: 2\n", userFile, "memory: 1GiB\n", "x.npy", string(npy("(2, 3)", 1, 2, 3, 4, 5, 6))}
	r := runIn(t, []string{"NTK_QUICK=true"}, files, "doctor", "--json")
	j := decode(t, "ntk/doctor/1", r.stdout)
	read := at(t, j, "settings_files").([]any)
	if len(read) != 2 || read[0] != "ntk.yaml" || !strings.HasSuffix(read[1].(string), userFile) {
		t.Errorf("files read: %v", read)
	}
	for i, want := range [][3]string{{"backend", "go", "ntk.yaml"}, {"memory", "1GiB", userFile}, {"quick", "true", "environment"}} {
		s := at(t, j, "settings").([]any)[i]
		if at(t, s, "flag") != want[0] || at(t, s, "value") != want[1] || !strings.HasSuffix(at(t, s, "source").(string), want[2]) {
			t.Errorf("setting %d is %v, want %v", i, s, want)
		}
	}
	r = runIn(t, nil, files, "doctor", "--quick")
	for _, want := range []string{"ntk.yaml", "backend = go"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("doctor %q lacks %q", r.stdout, want)
		}
	}
	theta := filepath.Join(t.TempDir(), "theta")
	if r = runIn(t, nil, files, "gram", "--model", "line", "--data", "x.npy", "--out", theta, "--quiet"); r.status != 0 {
		t.Fatal(r.stderr)
	}
	if got := at(t, readManifest(t, theta), "settings"); at(t, got, "examples") != "2" || at(t, got, "backend") != "go" {
		t.Errorf("the manifest has settings %v", got)
	}
}

// settingsTable writes the table of docs/configuration.md.
func settingsTable() string {
	a := &app{program: "ntk"}
	root := a.root()
	verbs := map[string][]string{}
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for flag := range settable(c) {
			switch {
			case c == root:
				verbs[flag] = []string{"all"}
			case c.Runnable() && !c.HasSubCommands() && root.PersistentFlags().Lookup(flag) == nil:
				verbs[flag] = append(verbs[flag], strings.TrimPrefix(c.CommandPath(), "ntk "))
			}
		}
		for _, sub := range c.Commands() {
			if !isPlumbing(sub) {
				visit(sub)
			}
		}
	}
	visit(root)
	var rows []string
	for flag, of := range verbs {
		name := "`" + variable(flag) + "`"
		if noVariable[flag] {
			name = ""
		}
		slices.Sort(of)
		rows = append(rows, "| `"+flag+"` | "+name+" | "+strings.Join(of, ", ")+" |\n")
	}
	slices.Sort(rows)
	return "| setting | variable | verbs |\n|---|---|---|\n" + strings.Join(rows, "")
}

// TestSettingsDocument compares the table of docs/configuration.md with the flags
// that there are; go test ./cmd -run TestSettingsDocument -update writes it.
func TestSettingsDocument(t *testing.T) {
	const path, head = "../docs/configuration.md", "| setting | variable | verbs |\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), head)
	if !ok {
		t.Fatalf("%s has no table of settings", path)
	}
	table, after, _ := strings.Cut(head+rest, "\n\n")
	table += "\n"
	want := settingsTable()
	if *update {
		if err := os.WriteFile(path, []byte(before+want+"\n"+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for line := range strings.Lines(want) {
		if !strings.Contains(table, line) {
			t.Errorf("%s lacks %q; go test ./cmd -run TestSettingsDocument -update writes the table", path, line)
		}
	}
	for line := range strings.Lines(table) {
		if !strings.Contains(want, line) {
			t.Errorf("%s has %q, which is no setting", path, line)
		}
	}
}
