package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// MarshalJSON implements json.Marshaler. It fails for a parameterization of
// your own without a name, or with the name of another.
func (s *Spec) MarshalJSON() ([]byte, error) {
	param, err := encodeParam(s.Parameterization.orNTK())
	if err != nil {
		return nil, fmt.Errorf("models: %w", err)
	}
	return json.Marshal(specFields{s.Name, s.Layers, param, string(s.Initializer), s.InputShape})
}

// MarshalJSON writes each layer with its op in front.
func (ls layerList) MarshalJSON() ([]byte, error) {
	b := []byte("[")
	for i, l := range ls {
		fields, err := json.Marshal(l)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Appendf(b, `{"op":%q`, l.Op())
		if rest := bytes.TrimPrefix(fields, []byte("{")); len(rest) > 1 {
			b = append(append(b, ','), rest...)
		} else {
			b = append(b, '}')
		}
	}
	return append(b, ']'), nil
}

// String prints the architecture: a line for each layer, with its fields, the
// shape of its output and its weights. An invalid Spec prints its error too.
func (s *Spec) String() string {
	var b strings.Builder
	c, err := s.check()
	fmt.Fprintf(&b, "%s: input %v, parameterization %s\n", s.title(), s.InputShape, s.Parameterization)
	p := printer{&b, c}
	p.list(s.Layers, "  ")
	if err != nil {
		fmt.Fprintf(&b, "  invalid: %v\n", err)
		return b.String()
	}
	total := 0
	for _, w := range c.params {
		if !w.Frozen {
			total += product(w.Shape)
		}
	}
	fmt.Fprintf(&b, "  output %v, %d parameters\n", c.output, total)
	return b.String()
}

// A printer prints layers; check is nil if the Spec is invalid.
type printer struct {
	b     *strings.Builder
	check *check
}

func (p printer) list(ls []Layer, indent string) {
	for _, l := range ls {
		if l == nil {
			fmt.Fprintf(p.b, "%snil\n", indent)
			continue
		}
		fmt.Fprintf(p.b, "%s%s", indent, l.Op())
		var nested []func()
		p.fields(reflect.ValueOf(l).Elem(), indent, &nested)
		if p.check != nil {
			fmt.Fprintf(p.b, " → %v", p.check.outputs[l])
			if at, ok := p.check.placed[l]; ok {
				fmt.Fprintf(p.b, ", weights %s", at.scope)
			}
		}
		p.b.WriteString("\n")
		for _, n := range nested {
			n()
		}
	}
}

// fields prints the fields that are set, and collects nested lists for later.
func (p printer) fields(v reflect.Value, indent string, nested *[]func()) {
	later := func(title string, ls layerList) {
		*nested = append(*nested, func() {
			fmt.Fprintf(p.b, "%s  %s:\n", indent, title)
			p.list(ls, indent+"    ")
		})
	}
	for i := range v.NumField() {
		f, t := v.Field(i), v.Type().Field(i)
		name, _, _ := strings.Cut(t.Tag.Get("json"), ",")
		switch {
		case name == "" && t.Anonymous && t.Type != reflect.TypeFor[names]():
			p.fields(f, indent, nested)
		case name == "":
		default:
			switch x := f.Interface().(type) {
			case layerList:
				later(name, x)
			case []layerList:
				for k, ls := range x {
					later(fmt.Sprintf("branch %d", k), ls)
				}
			case *float64:
				if x != nil {
					fmt.Fprintf(p.b, " %s %.6g", name, *x)
				}
			case *int:
				if x != nil {
					fmt.Fprintf(p.b, " %s %d", name, *x)
				}
			case float64:
				fmt.Fprintf(p.b, " %s %.6g", name, x)
			default:
				if !f.IsZero() {
					fmt.Fprintf(p.b, " %s %v", name, x)
				}
			}
		}
	}
}
