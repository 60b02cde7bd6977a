package models

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/gontk/ntk/graph"
)

// maxSpec bounds the bytes of a Spec's JSON.
const maxSpec = 16 << 20

// ParseSpec reads a Spec and validates it as [Spec.Model] does. The JSON is
// taken strictly: an unknown op or field, a field given twice, a missing one, a
// value of the wrong type are errors that name the layer, the field and the
// nearest known name.
func ParseSpec(r io.Reader) (*Spec, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSpec+1))
	if err != nil {
		return nil, fmt.Errorf("models: reading a spec: %w", err)
	}
	if len(text) > maxSpec {
		return nil, fmt.Errorf("models: the spec has more than %d bytes", maxSpec)
	}
	s := new(Spec)
	if err := json.Unmarshal(text, s); err != nil {
		if syntax := (*json.SyntaxError)(nil); errors.As(err, &syntax) {
			line := 1 + bytes.Count(text[:min(int64(len(text)), syntax.Offset)], []byte("\n"))
			return nil, fmt.Errorf("models: the spec is no JSON: line %d: %w", line, err)
		}
		return nil, err
	}
	if _, err := s.check(); err != nil {
		return nil, err
	}
	return s, nil
}

// specFields is the outermost object.
type specFields struct {
	Name             string          `json:"name,omitempty"`
	Layers           layerList       `json:"layers" spec:"required"`
	Parameterization json.RawMessage `json:"parameterization" spec:"required"`
	Initializer      string          `json:"initializer,omitempty"`
	InputShape       []int           `json:"input_shape" spec:"required"`
}

// UnmarshalJSON implements json.Unmarshaler. It does not check shapes.
func (s *Spec) UnmarshalJSON(text []byte) error {
	var f specFields
	if err := decodeObject(text, &f, "", 0); err != nil {
		return fmt.Errorf("models: spec: %w", err)
	}
	p, err := decodeParam(f.Parameterization)
	if err != nil {
		return fmt.Errorf("models: spec: %w", err)
	}
	*s = Spec{f.Name, f.Layers, p, graph.Family(f.Initializer), f.InputShape}
	return nil
}

// layerList is a list of layers in JSON.
type layerList []Layer

// decodeLayers reads a list of layers; prefix and the index name them in errors.
func decodeLayers(text []byte, prefix string, depth int) (layerList, error) {
	if depth > maxNested {
		return nil, fmt.Errorf("lists of layers nest more than %d deep", maxNested)
	}
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil || raw == nil {
		return nil, fmt.Errorf("want a list of layers, got %s", short(text))
	}
	list := make(layerList, len(raw))
	for i, r := range raw {
		at := fmt.Sprintf("%s%d", prefix, i)
		l, err := decodeLayer(r, at, depth)
		if err != nil {
			if _, ok := err.(*layerError); ok {
				return nil, err
			}
			return nil, &layerError{fmt.Errorf("%s: %w", at, err)}
		}
		list[i] = l
	}
	return list, nil
}

func decodeLayer(text []byte, at string, depth int) (Layer, error) {
	fields, err := objectFields(text)
	if err != nil {
		return nil, err
	}
	var op string
	if raw, ok := fields["op"]; !ok {
		return nil, fmt.Errorf("field \"op\" is missing")
	} else if err := json.Unmarshal(raw, &op); err != nil || op == "" {
		return nil, fmt.Errorf("field \"op\": want the name of an op, got %s", short(raw))
	}
	if reason, ok := notBuilt[op]; ok {
		return nil, fmt.Errorf("op %q %w: %s", op, ErrNotBuilt, reason)
	}
	create, ok := ops[op]
	if !ok {
		return nil, fmt.Errorf("unknown op %q%s", op, didYouMean(op, sortedKeys(ops)))
	}
	l := create(op)
	if err := decodeObject(text, l, at, depth); err != nil {
		if _, ok := err.(*layerError); ok {
			return nil, err
		}
		return nil, &layerError{fmt.Errorf("%s (%s): %w", at, op, err)}
	}
	return l, nil
}

// objectFields splits an object, refusing what encoding/json would let pass:
// a field given twice.
func objectFields(text []byte) (map[string]json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, fmt.Errorf("want an object, got %s", short(text))
	}
	fields := map[string]json.RawMessage{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name := key.(string) // a key of an object: the decoder checked it
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := fields[name]; twice {
			return nil, fmt.Errorf("field %q is given twice", name)
		}
		fields[name] = value
	}
	return fields, nil
}

// decodeObject reads an object into the struct that dst points to, strictly.
// at names the layer that it is, empty for the outermost object.
func decodeObject(text []byte, dst any, at string, depth int) error {
	fields, err := objectFields(text)
	if err != nil {
		return err
	}
	known := map[string]target{}
	targets(reflect.ValueOf(dst).Elem(), known)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		t, ok := known[name]
		if !ok && name == "op" && at != "" {
			continue
		}
		if !ok {
			return fmt.Errorf("unknown field %q%s", name, didYouMean(name, sortedKeys(known)))
		}
		if err := t.set(fields[name], at, name, depth); err != nil {
			if _, ok := err.(*layerError); ok {
				return err
			}
			return fmt.Errorf("field %q: %w", name, err)
		}
	}
	for _, name := range sortedKeys(known) {
		if _, ok := fields[name]; !ok && known[name].required {
			return fmt.Errorf("field %q is missing", name)
		}
	}
	return nil
}

// A target is a field of a struct that JSON may set.
type target struct {
	value    reflect.Value
	required bool
}

// targets lists the fields of v by their JSON names, those of embedded structs too.
func targets(v reflect.Value, into map[string]target) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name != "":
			into[name] = target{v.Field(i), f.Tag.Get("spec") == "required"}
		case f.Anonymous:
			targets(v.Field(i), into)
		}
	}
}

func (t target) set(text []byte, at, name string, depth int) error {
	inside := func(more string) string {
		if at == "" {
			return "layer "
		}
		return at + ", " + more + " layer "
	}
	switch p := t.value.Addr().Interface().(type) {
	case *layerList:
		l, err := decodeLayers(text, inside(name), depth+1)
		*p = l
		return err
	case *[]layerList:
		var raw []json.RawMessage
		if err := json.Unmarshal(text, &raw); err != nil || raw == nil {
			return fmt.Errorf("want a list of lists of layers, got %s", short(text))
		}
		for i, r := range raw {
			l, err := decodeLayers(r, inside(fmt.Sprintf("branch %d", i)), depth+1)
			if err != nil {
				return err
			}
			*p = append(*p, l)
		}
		return nil
	default:
		if t.value.Kind() == reflect.Slice {
			t.value.SetZero() // a default must not show through a shorter list
		}
		null := bytes.Equal(bytes.TrimSpace(text), []byte("null"))
		if null && t.value.Kind() != reflect.Pointer || json.Unmarshal(text, p) != nil {
			return fmt.Errorf("want %s, got %s", wanted(t.value.Type()), short(text))
		}
		return nil
	}
}

// wanted describes a type to the writer of a spec.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "a text"
	case reflect.Pointer:
		return wanted(t.Elem()) + " or null"
	case reflect.Slice, reflect.Array:
		return "a list, each entry " + wanted(t.Elem())
	}
	return "an object of names"
}

// short quotes the beginning of text.
func short(text []byte) string {
	const most = 40
	s := strings.Join(strings.Fields(string(text)), " ")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// join lists names; none is "none".
func join(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
