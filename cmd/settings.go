package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/rawbytes"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// settingsName is the file of settings in the folder that ntk is run in.
const settingsName = "ntk.yaml"

// A setting is the default of a flag that a file or the environment gives.
type setting struct {
	Flag   string `json:"flag"`
	Value  string `json:"value"`
	Source string `json:"source"`
}

// A layer is one source of settings: the environment, or a file.
type layer struct {
	source string // as messages and doctor name it
	local  bool   // it was found in the folder that ntk is run in
	k      *koanf.Koanf
}

// settings are what flags get that the command line does not give: from the
// environment, then ./ntk.yaml, then the user's file. docs/configuration.md is
// about them.
type settings struct {
	file string // of --config: read instead of the two

	files   []string  // that were read
	applied []setting // to flags of the verb that runs
}

func (s *settings) register(f *pflag.FlagSet) {
	f.StringVar(&s.file, "config", "", "file of settings, read instead of ./ntk.yaml and the user's (docs/configuration.md)")
}

// apply gives the flags of a verb that is about to run their settings. It
// leaves Flag.Changed alone: a setting is a default.
func (s *settings) apply(c *cobra.Command, env func(string) string, environ []string) error {
	if isPlumbing(c) {
		return nil
	}
	layers, err := s.layers(c.Root(), env, environ)
	if err != nil {
		return err
	}
	path := strings.Split(strings.TrimPrefix(c.CommandPath(), c.Root().CommandPath()), " ")[1:]
	c.Flags().VisitAll(func(f *pflag.Flag) {
		if err != nil || f.Changed || overruled(c.Flags(), f.Name) {
			return
		}
		for _, l := range layers {
			words, key := l.find(path, f.Name)
			if words == nil {
				continue
			}
			for _, w := range listed(f, words) {
				if bad := f.Value.Set(w); bad != nil {
					err = usagef("%s: %s is %q: want %s", l.source, key, w, wanted(f))
					return
				}
			}
			s.applied = append(s.applied, setting{f.Name, strings.Join(words, ","), l.source})
			return
		}
	})
	return err
}

// isPlumbing tells what works with broken settings: the shell's questions, help
// and manuals.
func isPlumbing(c *cobra.Command) bool {
	for ; c.HasParent(); c = c.Parent() {
		switch c.Name() {
		case cobra.ShellCompRequestCmd, cobra.ShellCompNoDescRequestCmd, "completion", "help", "man", "version":
			return true
		}
	}
	return false
}

// layers reads all settings, the most particular first, and refuses those that
// no verb has.
func (s *settings) layers(root *cobra.Command, env func(string) string, environ []string) ([]*layer, error) {
	known := allFlags(root)
	l, err := environment(known, env, environ)
	if err != nil {
		return nil, err
	}
	layers := []*layer{l}
	named := s.file
	if named == "" {
		named = env(variable("config"))
	}
	files := []*layer{{source: named}}
	if named == "" {
		files = []*layer{{source: settingsName, local: true}, {source: userSettings(env)}}
	}
	for _, l := range files {
		text, err := readSettings(l.source)
		if errors.Is(err, fs.ErrNotExist) && named == "" {
			continue
		}
		if err == nil {
			l.k = koanf.New(".")
			err = l.k.Load(rawbytes.Provider(text), yaml.Parser())
		}
		if err != nil {
			return nil, usagef("settings: %s: %w", l.source, unwrapPath(err))
		}
		if err := l.check(root, known); err != nil {
			return nil, err
		}
		s.files = append(s.files, l.source)
		layers = append(layers, l)
	}
	return layers, nil
}

// userSettings returns the path of the user's own file, "" for none.
func userSettings(env func(string) string) string {
	dir := env("XDG_CONFIG_HOME")
	if dir == "" && runtime.GOOS == "windows" {
		dir = env("AppData")
	}
	if home := env("HOME"); dir == "" && home != "" {
		dir = filepath.Join(home, ".config")
	}
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "ntk", settingsName)
}

// maxSettings bounds a file of settings in bytes: a hundred times any real one.
const maxSettings = 1 << 20

func readSettings(path string) ([]byte, error) {
	if path == "" {
		return nil, fs.ErrNotExist
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	text, err := io.ReadAll(io.LimitReader(f, maxSettings+1))
	if err == nil && len(text) > maxSettings {
		err = fmt.Errorf("more than %d bytes are no settings", maxSettings)
	}
	return text, err
}

// unwrapPath drops what the message has before: the name of the file.
func unwrapPath(err error) error {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err
	}
	return err
}

// variable returns the environment variable of a flag.
func variable(flag string) string {
	return "NTK_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// environment reads the variables of all flags.
func environment(known map[string]bool, lookup func(string) string, environ []string) (*layer, error) {
	flags, names := map[string]string{}, []string{}
	var given []string
	for _, flag := range slices.Sorted(maps.Keys(known)) {
		if noVariable[flag] {
			continue
		}
		name := variable(flag)
		flags[name], names = flag, append(names, name)
		if v := lookup(name); v != "" {
			given = append(given, name+"="+v)
		}
	}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		_, isFlag := flags[name]
		if !strings.HasPrefix(name, "NTK_") || isFlag || ownVariables[name] || value == "" {
			continue
		}
		// Others may use the prefix too, as Kubernetes does for a service called
		// ntk: only what looks like a typing error is one.
		if hint := closest(name, names, 2); hint != "" && len(name) > len("NTK_xxxx") {
			return nil, usagef("environment: no setting %s%s; docs/configuration.md lists them", name, hint)
		}
	}
	l := &layer{source: "environment", k: koanf.New(".")}
	err := l.k.Load(env.Provider("", env.Opt{
		EnvironFunc:   func() []string { return given },
		TransformFunc: func(name, value string) (string, any) { return flags[name], value },
	}), nil)
	if err != nil {
		return nil, usagef("settings: environment: %w", err)
	}
	return l, nil
}

// recorded are the settings as a manifest has them, without folders of the machine.
func (s *settings) recorded() map[string]string {
	m := map[string]string{}
	for _, a := range s.applied {
		if !slices.Contains(loading, a.Flag) {
			m[a.Flag] = a.Value
		}
	}
	return m
}

// blame adds to a message about flags which of them settings gave.
func (s *settings) blame(text string) string {
	for _, a := range s.applied {
		flag := "--" + a.Flag
		_, rest, ok := strings.Cut(text+" ", flag)
		if ok && !strings.ContainsAny(rest[:1], "-abcdefghijklmnopqrstuvwxyz") {
			text += fmt.Sprintf(" (%s is set by %s)", flag, a.describeSource())
		}
	}
	return text
}

func (s setting) describeSource() string {
	if s.Source == "environment" {
		return "$" + variable(s.Flag)
	}
	return s.Source
}
