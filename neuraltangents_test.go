package ntk_test

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gontk/ntk/cmd"
	"github.com/gontk/ntk/models"
)

var (
	code  = regexp.MustCompile("`([^`]+)`")
	ourGo = regexp.MustCompile(`^(graph|dual|spectral|models|onnx|weights|empirical|limits|predict|train|diagnose)\.[A-Z]`)
)

func quotedIn(text string) (all []string) {
	for _, m := range code.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// TestNeuralTangents holds docs/neural-tangents.md against the list of names
// that neural-tangents has, and against what there is here.
func TestNeuralTangents(t *testing.T) {
	const page = "docs/neural-tangents.md"
	rows, arguments := map[string][]string{}, []string{}
	for line := range strings.Lines(text(t, page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		name := quotedIn(cells[0])
		switch {
		case !strings.HasPrefix(line, "| `") || len(name) != 1:
		case len(cells) == 2: // of the arguments of several functions
			arguments = append(arguments, name[0])
		case rows[name[0]] != nil:
			t.Errorf("%s has two rows", name[0])
		default:
			rows[name[0]] = cells
		}
	}
	listed := map[string][]string{}
	for line := range strings.Lines(text(t, "testdata/neural-tangents/names.txt")) {
		words := strings.Fields(line)
		listed[words[0]] = words[1:]
		row, ok := rows[words[0]]
		if !ok {
			t.Errorf("%s has no row", words[0])
			continue
		}
		for _, a := range words[1:] {
			if a != "=" && !slices.Contains(quotedIn(strings.Join(row, " ")), a) && !slices.Contains(arguments, a) {
				t.Errorf("%s: nothing is said of %s", words[0], a)
			}
		}
	}
	if len(listed) < 70 {
		t.Errorf("%d names listed, neural-tangents 0.6.5 has 76", len(listed))
	}
	for name := range rows {
		// The table of normalizations has words, not names.
		if _, ok := listed[name]; !ok && name != "ntk" && name != "standard" {
			t.Errorf("neural-tangents has no %s", name)
		}
	}
	for name, row := range rows {
		if strings.HasPrefix(name, "stax.") && len(row) == 3 {
			checkOps(t, name, quotedIn(row[1]), quotedIn(row[2]), append(arguments, listed[name]...))
		}
	}
	ours := exported(t)
	for _, word := range quotedIn(text(t, page)) {
		switch {
		case ourGo.MatchString(word):
			if !ours[word] && !slices.Contains(arguments, word) && rows[word] == nil {
				t.Errorf("there is no %s", word)
			}
		case strings.HasPrefix(word, "ntk "):
			if why := refused(t, word); why != "" {
				t.Errorf("%s: %s", word, why)
			}
		}
	}
}

// checkOps asks the reader of specs whether ops have fields: an unknown op or
// field is an error that says so. Names of neural-tangents are left out.
func checkOps(t *testing.T, name string, ops, fields, theirs []string) {
	t.Helper()
	known := func(op, field string) bool {
		_, err := models.ParseSpec(strings.NewReader(`{"input_shape": [4], "parameterization": "ntk", "layers": [{"op": "` + op + `"` + field + `}]}`))
		return err == nil || !strings.Contains(err.Error(), "unknown")
	}
	var have []string
	for _, op := range ops {
		if regexp.MustCompile(`^[a-z_]+$`).MatchString(op) && known(op, "") {
			have = append(have, op)
		}
	}
	for _, f := range fields {
		if slices.Contains(theirs, f) || !regexp.MustCompile(`^[a-z_]+$`).MatchString(f) {
			continue
		}
		if !slices.ContainsFunc(have, func(op string) bool { return known(op, `, "`+f+`": 1`) }) {
			t.Errorf("%s: no op of %v has a field %s", name, ops, f)
		}
	}
	words := 0
	for _, op := range ops {
		if regexp.MustCompile(`^[a-z_]+$`).MatchString(op) {
			words++
		}
	}
	// Fields are named in the same column: the layers of a spec, mechanism.
	if words > 0 && len(have) == 0 && name != "stax.serial" && name != "stax.Slice" && name != "stax.Padding" {
		t.Errorf("%s: none of %v is an op", name, ops)
	}
}

// exported reads what our public packages declare: pkg.Name, pkg.Type.Method
// and pkg.Type.Field.
func exported(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, dir := range publicPackages {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		pkg := filepath.Base(dir)
		for _, path := range files {
			if strings.HasSuffix(path, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				declared(d, func(name string) { all[pkg+"."+name] = true })
			}
		}
	}
	return all
}

func declared(d ast.Decl, add func(string)) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			add(d.Name.Name)
			return
		}
		receiver := d.Recv.List[0].Type
		if s, ok := receiver.(*ast.StarExpr); ok {
			receiver = s.X
		}
		if id, ok := receiver.(*ast.Ident); ok {
			add(id.Name + "." + d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.ValueSpec:
				for _, n := range s.Names {
					add(n.Name)
				}
			case *ast.TypeSpec:
				add(s.Name.Name)
				if st, ok := s.Type.(*ast.StructType); ok {
					for _, f := range st.Fields.List {
						for _, n := range f.Names {
							add(s.Name.Name + "." + n.Name)
						}
					}
				}
			}
		}
	}
}

// refused returns what the command line says of a command that does not parse.
func refused(t *testing.T, command string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if status := cmd.Run(t.Context(), append(strings.Fields(command)[1:], "--help"), &out, &errs, nil); status != 0 || !strings.Contains(out.String(), "Usage:\n  "+strings.Join(strings.Fields(command)[:2], " ")) {
		return errs.String() + out.String()
	}
	return ""
}
