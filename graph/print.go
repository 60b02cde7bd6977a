package graph

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/shapes"
)

// String prints p like a jaxpr: a line for each equation, values by number.
func (p *Program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "program %s(", p.Name)
	for i, v := range p.Params {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%%%d %q %s", v.ID, p.ParamName(i), shapeText(v.Shape))
	}
	b.WriteString(")\n")
	for _, e := range p.Eqns {
		if e.Op != backends.OpTypeParameter {
			fmt.Fprintf(&b, "  %s\n", e)
		}
	}
	b.WriteString("  return")
	for _, o := range p.Outputs {
		fmt.Fprintf(&b, " %%%d", o.ID)
	}
	b.WriteString("\n")
	return b.String()
}

// String prints e on one line.
func (e *Eqn) String() string {
	var b strings.Builder
	for i, o := range e.Out {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%%%d %s", o.ID, shapeText(o.Shape))
	}
	fmt.Fprintf(&b, " = %s", e.Op)
	for _, in := range e.In {
		fmt.Fprintf(&b, " %%%d", in.ID)
	}
	if e.Attrs != nil {
		b.WriteString(" " + attrsText(e.Attrs))
	}
	return b.String()
}

func shapeText(s shapes.Shape) string {
	return fmt.Sprintf("%s%v", strings.ToLower(s.DType.String()), s.Dimensions)
}

const maxPrinted = 8 // numbers of a constant

// attrsText prints the attributes that are set, by name.
func attrsText(a Attrs) string {
	v := reflect.ValueOf(a)
	var parts []string
	for i := range v.NumField() {
		f := v.Field(i)
		if f.IsZero() {
			continue
		}
		var text string
		switch x := f.Interface().(type) {
		case shapes.Shape:
			text = shapeText(x)
		default:
			if f.Kind() == reflect.Slice && f.Len() == 0 {
				continue
			}
			text = fmt.Sprintf("%v", x)
			if f.Kind() == reflect.Interface {
				if n := f.Elem().Len(); n > maxPrinted {
					text = fmt.Sprintf("%d numbers", n)
				}
			}
		}
		parts = append(parts, v.Type().Field(i).Name+"="+text)
	}
	return "{" + strings.Join(parts, " ") + "}"
}
