package models

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// maxExponent bounds the exponents of a [Power].
const maxExponent = 8

// paramFields is a parameterization of your own: one Part for all weights, or
// one for each position.
type paramFields struct {
	Name      string          `json:"name" spec:"required"`
	All       json.RawMessage `json:"all,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	Hidden    json.RawMessage `json:"hidden,omitempty"`
	Output    json.RawMessage `json:"output,omitempty"`
	MaxHidden *int            `json:"max_hidden,omitempty"`
}

// partFields and scalingFields are Part and Scaling, each object read strictly.
type (
	partFields struct {
		Weight json.RawMessage `json:"weight" spec:"required"`
		Bias   json.RawMessage `json:"bias,omitempty"`
	}
	scalingFields struct {
		S   json.RawMessage `json:"s,omitempty"`
		Tau json.RawMessage `json:"tau,omitempty"`
		Eta json.RawMessage `json:"eta,omitempty"`
	}
)

// decodeParam reads the name of a parameterization, or one as data.
func decodeParam(text []byte) (Param, error) {
	var name string
	if json.Unmarshal(text, &name) == nil {
		return ParseParam(name)
	}
	var f paramFields
	fail := func(err error) (Param, error) { return Param{}, fmt.Errorf("field \"parameterization\": %w", err) }
	if !bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		return fail(fmt.Errorf("want a name or an object, got %s", short(text)))
	}
	if err := decodeObject(text, &f, "", 0); err != nil {
		return fail(err)
	}
	p := Param{Name: f.Name, MaxHidden: -1}
	if f.MaxHidden != nil {
		p.MaxHidden = *f.MaxHidden
	}
	parts := []rawPart{{"input", f.Input, &p.Input}, {"hidden", f.Hidden, &p.Hidden}, {"output", f.Output, &p.Output}}
	for _, r := range parts {
		if f.All != nil && r.text != nil {
			return fail(fmt.Errorf("it has both \"all\" and %q; give one part for all weights, or input, hidden and output", r.name))
		}
		if f.All != nil {
			r.name, r.text = "all", f.All
		}
		if r.text == nil {
			return fail(fmt.Errorf("field %q is missing", r.name))
		}
		if err := r.decode(); err != nil {
			return fail(fmt.Errorf("%s: %w", r.name, err))
		}
	}
	if _, err := encodeParam(p); err != nil { // the name
		return Param{}, err
	}
	return p, nil
}

type rawPart struct {
	name string
	text []byte
	to   *Part
}

func (r rawPart) decode() error {
	var f partFields
	if err := decodeObject(r.text, &f, "", 0); err != nil {
		return err
	}
	if err := decodeScaling(f.Weight, &r.to.Weight); err != nil {
		return fmt.Errorf("weight: %w", err)
	}
	if f.Bias == nil {
		return nil
	}
	if err := decodeScaling(f.Bias, &r.to.Bias); err != nil {
		return fmt.Errorf("bias: %w", err)
	}
	return nil
}

func decodeScaling(text []byte, to *Scaling) error {
	var f scalingFields
	if err := decodeObject(text, &f, "", 0); err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		text []byte
		to   *Power
	}{{"s", f.S, &to.S}, {"tau", f.Tau, &to.Tau}, {"eta", f.Eta, &to.Eta}} {
		if p.text == nil {
			continue
		}
		if err := decodeObject(p.text, p.to, "", 0); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	return nil
}

// encodeParam writes p as its name, or as an object if it is your own.
func encodeParam(p Param) ([]byte, error) {
	if known, err := ParseParam(p.Name); err == nil {
		if known != p {
			return nil, fmt.Errorf("parameterization %q differs from the one of that name; give yours another name", p.Name)
		}
		return json.Marshal(p.Name)
	}
	if p.Name == "" {
		return nil, fmt.Errorf("the parameterization has no name; give it one")
	}
	f := struct {
		Name      string `json:"name"`
		All       *Part  `json:"all,omitempty"`
		Input     *Part  `json:"input,omitempty"`
		Hidden    *Part  `json:"hidden,omitempty"`
		Output    *Part  `json:"output,omitempty"`
		MaxHidden *int   `json:"max_hidden,omitempty"`
	}{Name: p.Name}
	if p.byPosition() {
		f.Input, f.Hidden, f.Output = &p.Input, &p.Hidden, &p.Output
	} else {
		f.All = &p.Hidden
	}
	if p.MaxHidden >= 0 {
		f.MaxHidden = &p.MaxHidden
	}
	return json.Marshal(f)
}

// check refuses exponents that are not small numbers.
func (p Param) check() error {
	for _, part := range []Part{p.Input, p.Hidden, p.Output} {
		for _, s := range []Scaling{part.Weight, part.Bias} {
			for _, w := range []Power{s.S, s.Tau, s.Eta} {
				for _, e := range []float64{w.Gain, w.In, w.Out} {
					if !(math.Abs(e) <= maxExponent) {
						return fmt.Errorf("parameterization %q has an exponent %v; exponents must be from -%d to %d", p.Name, e, maxExponent, maxExponent)
					}
				}
			}
		}
	}
	return nil
}
