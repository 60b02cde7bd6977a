package cmd

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
)

// A document has, for each section of docs/json.md, the types of its fields.
type document map[string]map[string]string

var (
	sectionLine = regexp.MustCompile("^## `?([a-z0-9/-]+)`?$")
	fieldLine   = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\| [^|]*\\|$")
	typeLink    = regexp.MustCompile(`\[([a-z]+)\]\(#([a-z]+)\)`)
)

func readDocument(t *testing.T) document {
	t.Helper()
	text, err := os.ReadFile("../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	doc, section := document{}, ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if m := sectionLine.FindStringSubmatch(line); m != nil {
			section = m[1]
			doc[section] = map[string]string{}
		} else if m := fieldLine.FindStringSubmatch(line); m != nil {
			if _, twice := doc[section][m[1]]; twice {
				t.Errorf("docs/json.md, %s: %s twice", section, m[1])
			}
			doc[section][m[1]] = m[2]
		} else if strings.HasPrefix(line, "| `") {
			t.Errorf("docs/json.md, %s: no row of a field: %s", section, line)
		}
	}
	return doc
}

// written are the structs behind the sections.
var written = map[string]any{
	"ntk/diagnose/1":   diagnosis{},
	"ntk/evolve/1":     evolution{},
	"ntk/gram/1":       gramResult{},
	"ntk/plan/1":       explanation{},
	"ntk/dry-run/1":    dryRun{},
	"ntk/limit/1":      limitResult{},
	"ntk/recursion/1":  recursion{},
	"ntk/worker/1":     workerResult{},
	"ntk/signal/1":     signalResult{},
	"ntk/compare/1":    comparison{},
	"ntk/merge/1":      mergeResult{},
	"ntk/verify/1":     verification{},
	"ntk/spectrum/1":   spectrumResult{},
	"ntk/predict/1":    predictResult{},
	"ntk/not-finite/1": notFinite{},
	"ntk/models/1":     modelList{},
	"ntk/check/1":      checkResult{},
	"ntk/data-list/1":  setList{},
	"ntk/data/1":       dataResult{},
	"ntk/fetch/1":      fetchResult{},
	"ntk/setup/1":      setupResult{},
	"ntk/doctor/1":     examination{},
	"ntk/version/1":    versionResult{},
	"ntk/manifest/1":   manifest{},
	"version":          version{},
	"machine":          machine.Summary{},
	"share":            empirical.Share{},
	"scores":           scoresInfo{},
	"power":            powerInfo{},
	"term":             termFile{},
	"nonfinite":        notFiniteInfo{},
	"plan":             planInfo{},
}

// shared are the structs that have a section of their own.
var shared = map[reflect.Type]string{
	reflect.TypeFor[version]():         "version",
	reflect.TypeFor[machine.Summary](): "machine",
	reflect.TypeFor[empirical.Share](): "share",
	reflect.TypeFor[scoresInfo]():      "scores",
	reflect.TypeFor[powerInfo]():       "power",
	reflect.TypeFor[termFile]():        "term",
	reflect.TypeFor[planInfo]():        "plan",
	reflect.TypeFor[*notFiniteInfo]():  "nonfinite",
}

// TestDocument compares docs/json.md with the structs' tags, both ways.
func TestDocument(t *testing.T) {
	doc := readDocument(t)
	for section, v := range written {
		want := map[string]string{}
		fieldsOf(reflect.TypeOf(v), "", want)
		for name, kind := range want {
			got, ok := doc[section][name]
			if !ok {
				t.Errorf("%s: %s is not in docs/json.md", section, name)
				continue
			}
			// MarshalJSON of a diagnosis' Seed writes null for what is not finite.
			if section == "ntk/diagnose/1" && kind == "number" {
				got = strings.TrimSuffix(got, " or null")
			}
			if got != kind {
				t.Errorf("%s: %s is %q in docs/json.md, want %q", section, name, got, kind)
			}
		}
		for name := range doc[section] {
			if _, ok := want[name]; !ok {
				t.Errorf("%s: docs/json.md has %s, which is not written", section, name)
			}
		}
	}
	for section := range doc {
		if written[section] == nil {
			t.Errorf("docs/json.md has a section %s of nothing", section)
		}
	}
}

// fieldsOf lists the fields that encoding/json writes of a struct, and what
// docs/json.md calls their types.
func fieldsOf(s reflect.Type, prefix string, out map[string]string) {
	for i := range s.NumField() {
		f := s.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			fieldsOf(f.Type, prefix, out)
			continue
		case !f.IsExported(), name == "-":
			continue
		case name == "":
			name = f.Name // as encoding/json does
		}
		kind, inner, list := kindOf(f.Type)
		if inner != nil {
			if list {
				name += "[]"
			}
			fieldsOf(inner, prefix+name+".", out)
			continue
		}
		if strings.Contains(options, "omitempty") {
			kind += ", optional"
		}
		out[prefix+name] = kind
	}
}

// kindOf returns what docs/json.md calls a type, or the struct whose fields it
// lists one by one.
func kindOf(f reflect.Type) (kind string, inner reflect.Type, list bool) {
	switch f {
	case reflect.TypeFor[time.Time]():
		return "string", nil, false
	case reflect.TypeFor[time.Duration]():
		return "integer", nil, false
	}
	if s, ok := shared[f]; ok {
		return fmt.Sprintf("object [%s](#%s)", s, s), nil, false
	}
	switch f.Kind() {
	case reflect.String:
		return "string", nil, false
	case reflect.Bool:
		return "boolean", nil, false
	case reflect.Float64:
		return "number", nil, false
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "integer", nil, false
	case reflect.Map:
		return "object of strings", nil, false
	case reflect.Struct:
		return "", f, false
	case reflect.Pointer:
		if f.Elem().Kind() == reflect.Struct {
			return "", f.Elem(), false
		}
		kind, _, _ = kindOf(f.Elem())
		return kind + " or null", nil, false
	case reflect.Slice:
		kind, inner, _ = kindOf(f.Elem())
		if word, link, ok := strings.Cut(kind, " "); ok {
			kind = word + "s " + link
		} else {
			kind += "s"
		}
		return "list of " + kind, inner, true
	}
	panic(fmt.Sprintf("a field of type %s has no name in docs/json.md", f))
}

// undocumented lists what v, decoded JSON, holds that a section lacks.
func (d document) undocumented(section string, v any) []string {
	var missing []string
	d.walk(section, "", v, &missing)
	slices.Sort(missing)
	return slices.Compact(missing)
}

func (d document) walk(section, path string, v any, missing *[]string) {
	kind, leaf := d[section][path]
	if m := typeLink.FindStringSubmatch(kind); m != nil {
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, x := range list {
			if x != nil {
				d.walk(m[2], "", x, missing)
			}
		}
		return
	}
	switch x := v.(type) {
	case map[string]any:
		if leaf {
			return // an object of strings
		}
		for name, y := range x {
			d.walk(section, strings.TrimPrefix(path+"."+name, "."), y, missing)
		}
		return
	case []any:
		if leaf {
			return
		}
		for _, y := range x {
			d.walk(section, path+"[]", y, missing)
		}
		return
	case nil: // an empty list of objects, or a number that is not finite
		for name := range d[section] {
			leaf = leaf || strings.HasPrefix(name, path+"[].")
		}
	}
	if !leaf {
		*missing = append(*missing, section+": "+path)
	}
}

// decode reads what a verb wrote with --json: one object, of the given form,
// all of it documented.
func decode(t *testing.T, schema, text string) map[string]any {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&v); err != nil {
		t.Fatalf("no JSON: %v: %q", err, text)
	}
	if d.More() {
		t.Errorf("more than one object: %q", text)
	}
	if v["schema"] != schema {
		t.Errorf("schema %v, want %s", v["schema"], schema)
	}
	if missing := readDocument(t).undocumented(schema, v); missing != nil {
		t.Errorf("not in docs/json.md: %q", missing)
	}
	return v
}

// at returns a value inside of decoded JSON, by its names and indices.
func at(t *testing.T, v any, path string) any {
	t.Helper()
	for _, word := range strings.Split(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			y, ok := x[word]
			if !ok {
				t.Fatalf("%s: no %q", path, word)
			}
			v = y
		case []any:
			i, err := strconv.Atoi(word)
			if err != nil || i >= len(x) {
				t.Fatalf("%s: no element %s of %d", path, word, len(x))
			}
			v = x[i]
		default:
			t.Fatalf("%s: %v has no %q", path, v, word)
		}
	}
	return v
}
