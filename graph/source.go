package graph

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	mlctx "github.com/gomlx/gomlx/pkg/ml/context"
)

// Source returns the file and line of user code that built e, "" if unknown:
// the innermost stack frame that belongs neither to GoMLX nor to the recorder.
func (e *Eqn) Source() string {
	if e.trace == nil {
		return ""
	}
	lines := strings.Split(fmt.Sprintf("%+v", e.trace), "\n")
	for i := 0; i+1 < len(lines); i++ {
		fn, at := lines[i], strings.TrimSpace(lines[i+1])
		m := framePos.FindStringSubmatch(at)
		if m == nil || strings.HasPrefix(fn, "\t") {
			continue
		}
		if skippedFrame.MatchString(fn) {
			continue
		}
		return filepath.Base(filepath.Dir(m[1])) + "/" + filepath.Base(m[1]) + ":" + m[2]
	}
	return ""
}

var (
	framePos     = regexp.MustCompile(`^(.+\.go):(\d+)$`)
	skippedFrame = regexp.MustCompile(`^(github\.com/gomlx/|runtime\.|reflect\.|github\.com/gontk/ntk/graph\.)`)
)

// NearestWeight returns the name of the parameter that is the fewest steps
// above e and of which isWeight holds, "" if there is none.
func (p *Program) NearestWeight(e *Eqn, isWeight func(*Value) bool) string {
	seen := map[*Value]bool{}
	level := e.In
	for len(level) > 0 {
		var next []*Value
		for _, v := range level {
			if seen[v] {
				continue
			}
			seen[v] = true
			if a, ok := v.Def.Attrs.(ParameterAttrs); ok && isWeight(v) {
				return a.Name
			}
			next = append(next, v.Def.In...)
		}
		level = next
	}
	return ""
}

// locate says where in the model the op stands that err is about.
func (p *Program) locate(e *Eqn, err error) error {
	var at []string
	if s := e.Source(); s != "" {
		at = append(at, s)
	}
	name := p.NearestWeight(e, func(v *Value) bool { return isVariable(v.Def.Attrs.(ParameterAttrs).Name) })
	if name != "" {
		at = append(at, "nearest weight "+scopeOf(name))
	}
	if len(at) == 0 {
		return err
	}
	return fmt.Errorf("%w (at %s)", err, strings.Join(at, ", "))
}

// isVariable tells the parameters that GoMLX makes for context variables.
func isVariable(param string) bool { return strings.HasPrefix(param, mlctx.VariableParameterPrefix) }

// scopeOf returns the scope and name of the variable behind a parameter.
func scopeOf(param string) string { return strings.TrimPrefix(param, mlctx.VariableParameterPrefix) }
