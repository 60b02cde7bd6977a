package models

import (
	"encoding/json"
	"fmt"
	"reflect"
)

// WithWidth returns the network with other hidden widths: those of all layers,
// those of branches too, but the last weight's and those along positions, times
// width over the first of them. The sizes of heads stay.
//
// It returns an error if the last weight is in a branch, if there is no width to
// change, if one would not be whole, and if what results is not valid.
func (s *Spec) WithWidth(width int) (*Spec, error) {
	fail := func(format string, args ...any) (*Spec, error) {
		return nil, fmt.Errorf("models: %s at width %d: %w", s.title(), width, fmt.Errorf(format, args...))
	}
	text, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	wide := new(Spec)
	if err := json.Unmarshal(text, wide); err != nil {
		return nil, err
	}
	last := lastWeight(wide.Layers)
	if last == nil {
		return fail("its last weight is in a branch; put a dense or conv layer behind it")
	}
	first := 0
	var widen func(ls []Layer) error
	widen = func(ls []Layer) error {
		for _, l := range ls {
			d, isDense := l.(*dense)
			if l == last || isDense && d.Axis != nil {
				continue
			}
			fields := map[string]target{}
			targets(reflect.ValueOf(l).Elem(), fields)
			for _, name := range sortedKeys(fields) {
				switch p := fields[name].value.Addr().Interface().(type) {
				case *layerList:
					if err := widen(*p); err != nil {
						return err
					}
				case *[]layerList:
					for _, branch := range *p {
						if err := widen(branch); err != nil {
							return err
						}
					}
				case *int:
					if name != "width" {
						continue
					}
					if first == 0 {
						first = *p
					}
					if first == 0 || *p*width%first != 0 {
						return fmt.Errorf("a layer of width %d would not have a whole width, as the first has %d", *p, first)
					}
					*p = *p * width / first
				}
			}
		}
		return nil
	}
	if err := positive("width", width); err != nil {
		return fail("%w", err)
	}
	if err := widen(wide.Layers); err != nil {
		return fail("%w", err)
	}
	if first == 0 {
		return fail("no layer but the last has a width")
	}
	if _, err := wide.check(); err != nil {
		return nil, err
	}
	return wide, nil
}
