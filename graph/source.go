package graph

import (
	"fmt"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Source returns the file and line of user code that built e, "" if unknown:
// the innermost stack frame that belongs neither to GoMLX nor to the recorder.
func (e *Eqn) Source() string { return sourceOf(e.trace) }

// sourceOf finds the line of user code in an error that prints its stack.
func sourceOf(trace error) string {
	if trace == nil {
		return ""
	}
	lines := strings.Split(fmt.Sprintf("%+v", trace), "\n")
	for i := 0; i+1 < len(lines); i++ {
		if strings.HasPrefix(lines[i], "\t") {
			continue
		}
		if m := framePos.FindStringSubmatch(strings.TrimSpace(lines[i+1])); m != nil && !skippedFrame.MatchString(lines[i]) {
			return place(m[1], m[2])
		}
	}
	return ""
}

// callerSource finds it in the stack of the goroutine.
func callerSource() string {
	pc := make([]uintptr, 128)
	frames := runtime.CallersFrames(pc[:runtime.Callers(2, pc)])
	for {
		f, more := frames.Next()
		if f.Function != "" && !skippedFrame.MatchString(f.Function) {
			return place(f.File, strconv.Itoa(f.Line))
		}
		if !more {
			return ""
		}
	}
}

func place(file, line string) string {
	return filepath.Base(filepath.Dir(file)) + "/" + filepath.Base(file) + ":" + line
}

var (
	framePos     = regexp.MustCompile(`^(.+\.go):(\d+)$`)
	skippedFrame = regexp.MustCompile(`^(github\.com/gomlx/|runtime\.|reflect\.|github\.com/gontk/ntk/graph\.)`)
)

// NearestWeight returns the name of the parameter that is the fewest steps
// above e and of which isWeight holds, "" if there is none.
func (p *Program) NearestWeight(e *Eqn, isWeight func(*Value) bool) string {
	name := ""
	inputs := func(e *Eqn) (above []*Eqn) {
		for _, v := range e.In {
			above = append(above, v.Def)
		}
		return above
	}
	nearest(e, inputs, func(e *Eqn) bool {
		a, ok := e.Attrs.(ParameterAttrs)
		if ok = ok && isWeight(e.Out[0]); ok {
			name = a.Name
		}
		return ok
	})
	return name
}

// nearest goes up from a node, the fewest steps first, until found says so.
func nearest[N comparable](from N, above func(N) []N, found func(N) bool) {
	seen := map[N]bool{}
	for level := above(from); len(level) > 0; {
		var next []N
		for _, n := range level {
			if seen[n] {
				continue
			}
			seen[n] = true
			if found(n) {
				return
			}
			next = append(next, above(n)...)
		}
		level = next
	}
}

// locate says where in the model the op stands that err is about.
func (p *Program) locate(e *Eqn, err error) error { return at(err, e.Source(), nearestVariable(p, e)) }

// nearestVariable returns the parameter of the variable nearest above e.
func nearestVariable(p *Program, e *Eqn) string {
	return p.NearestWeight(e, func(v *Value) bool { return isVariable(v.Def.Attrs.(ParameterAttrs).Name) })
}

// at adds a place to an error; source and weight, a parameter, may be "".
func at(err error, source, weight string) error {
	var places []string
	if source != "" {
		places = append(places, source)
	}
	if weight != "" {
		places = append(places, "nearest weight "+scopeOf(weight))
	}
	if len(places) == 0 {
		return err
	}
	return fmt.Errorf("%w (at %s)", err, strings.Join(places, ", "))
}

// isVariable tells the parameters that GoMLX makes for context variables.
func isVariable(param string) bool { return strings.HasPrefix(param, mlctx.VariableParameterPrefix) }

// scopeOf returns the scope and name of the variable behind a parameter.
func scopeOf(param string) string { return strings.TrimPrefix(param, mlctx.VariableParameterPrefix) }
