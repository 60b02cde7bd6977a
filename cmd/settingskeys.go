package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gontk/ntk/internal/native"
)

var (
	// unsettable are flags that only a command line gives: they overwrite, are
	// about the settings themselves, or are for processes of our own.
	unsettable = []string{"config", "force", "help", "attached"}
	// loading are flags that name a file of code to load: not for ./ntk.yaml,
	// which comes with a folder that somebody else may have written.
	loading = []string{"cache", "plugin"}
	// noVariable are flags whose variable means something else, or that have one
	// of another name.
	noVariable = map[string]bool{"data": true, "cache": true, "plugin": true}
	// ownVariables are those of no flag.
	ownVariables = map[string]bool{
		"NTK_CONFIG": true, "NTK_DATA": true, "NTK_ORACLES": true, "NTK_FAULTS": true,
		native.EnvCache: true, native.EnvPlugin: true, native.EnvOpenBLAS: true,
	}
	// exclusive are flags of which one is given: that on the command line
	// overrules the others' settings.
	exclusive = [][]string{
		{"depth", "depths"},
		{"resume", "force"},
		{"of", "head"},
		{"diagonal", "pairs", "packed", "shard"},
		{"by-parameter", "group", "shard"},
		{"queue", "workers", "diagonal", "pairs", "shard"},
		{"queue", "workers", "by-parameter", "group"},
		{"weights", "checkpoint", "seed"},
		{"weights", "checkpoint", "seeds"},
	}
)

// overruled reports whether the command line gives a flag that excludes this one.
func overruled(flags *pflag.FlagSet, name string) bool {
	for _, group := range exclusive {
		if !slices.Contains(group, name) {
			continue
		}
		for _, other := range group {
			if other != name && flags.Changed(other) {
				return true
			}
		}
	}
	return false
}

// find returns what the layer says of a flag of a verb, in the verb's section
// before all others, and the key that says it; nil for nothing.
func (l *layer) find(verb []string, flag string) (words []string, key string) {
	for i := len(verb); i >= 0; i-- {
		key = strings.Join(append(slices.Clone(verb[:i]), flag), ".")
		if !l.k.Exists(key) {
			continue
		}
		if words, _ := wordsOf(l.k.Get(key)); words != nil {
			return words, key
		}
	}
	return nil, ""
}

// wordsOf writes a value of YAML as a command line has it, a list by its
// elements; false for what no flag takes.
func wordsOf(v any) ([]string, bool) {
	switch v := v.(type) {
	case nil, map[string]any:
		return nil, false
	case []any:
		words := []string{}
		for _, x := range v {
			w, ok := wordsOf(x)
			if _, list := x.([]any); !ok || list {
				return nil, false
			}
			words = append(words, w...)
		}
		return words, true
	default:
		return []string{fmt.Sprint(v)}, true
	}
}

// listed returns what a flag is set to, one after another: the words of a flag
// that may be repeated, else one word.
func listed(f *pflag.Flag, words []string) []string {
	if f.Value.Type() == "stringArray" {
		return words
	}
	return []string{strings.Join(words, ",")}
}

// wanted says what a flag takes.
func wanted(f *pflag.Flag) string {
	switch f.Value.Type() {
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "uint64":
		return "a whole number, not negative"
	case "float64":
		return "a number"
	case "intSlice":
		return "whole numbers, such as 1,2"
	case "float64Slice":
		return "numbers, such as 0.1,1"
	case "duration":
		return "a time, such as 30s"
	}
	return "text"
}

// settable are the flags of a verb that settings may give.
func settable(c *cobra.Command) map[string]bool {
	out := map[string]bool{}
	for _, set := range []*pflag.FlagSet{c.NonInheritedFlags(), c.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(unsettable, f.Name) {
				out[f.Name] = true
			}
		})
	}
	return out
}

// allFlags are those of a command and all below it.
func allFlags(c *cobra.Command) map[string]bool {
	out := settable(c)
	for _, sub := range c.Commands() {
		if !isPlumbing(sub) {
			maps.Copy(out, allFlags(sub))
		}
	}
	return out
}

// check refuses keys that are no flag, and values that no flag takes.
func (l *layer) check(root *cobra.Command, known map[string]bool) error {
	for _, key := range l.k.Keys() { // sorted
		value := l.k.Get(key)
		_, plain := wordsOf(value)
		c, flags, words := root, known, strings.Split(key, ".")
		for len(words) > 0 {
			sub := subcommand(c, words[0])
			if sub == nil || len(words) == 1 && plain && flags[words[0]] { // data is both
				break
			}
			c, words = sub, words[1:]
			flags = settable(c)
			if c.HasSubCommands() {
				flags = allFlags(c)
			}
		}
		switch {
		case len(words) == 0: // a verb without settings
			if w, ok := wordsOf(value); ok {
				return usagef("%s: %s is a verb: want settings below it, got %q", l.source, key, strings.Join(w, ","))
			}
			continue
		case slices.Contains(unsettable, words[0]):
			return usagef("%s: %s is no setting: give --%s on the command line", l.source, key, words[0])
		case l.local && slices.Contains(loading, words[0]):
			return usagef("%s: %s names code to load, which a folder may not choose: set it in your own file of settings (docs/configuration.md), or give --%s", l.source, key, words[0])
		case !flags[words[0]]:
			names := slices.Sorted(maps.Keys(flags))
			for _, sub := range c.Commands() {
				if !isPlumbing(sub) {
					names = append(names, sub.Name())
				}
			}
			where := ""
			if c != root {
				where = " of " + strings.TrimPrefix(c.CommandPath(), root.CommandPath()+" ")
			}
			return usagef("%s: no setting %q%s%s; docs/configuration.md lists them", l.source, words[0], where, nearest(words[0], names))
		case len(words) > 1:
			return usagef("%s: %s: %s is one value, with nothing below it", l.source, key, words[0])
		}
		if _, ok := wordsOf(value); !ok {
			return usagef("%s: %s has no value that a flag takes: want text, a number, true, false, or a list of them", l.source, key)
		}
	}
	return nil
}

func subcommand(c *cobra.Command, name string) *cobra.Command {
	for _, sub := range c.Commands() {
		if sub.Name() == name && !isPlumbing(sub) {
			return sub
		}
	}
	return nil
}
