package graph

import (
	"fmt"
	"reflect"

	"github.com/gomlx/gomlx/pkg/core/dtypes"
)

// cloneFlat copies a slice of numbers: a Program must not change when its
// maker's memory does.
func cloneFlat(flat any) any {
	v := reflect.ValueOf(flat)
	c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
	reflect.Copy(c, v)
	return c.Interface()
}

// FlatOf returns a slice of dt's Go type with the given values.
func FlatOf(dt dtypes.DType, values ...float64) (any, error) {
	gt := dt.GoType()
	if gt == nil || (!dt.IsFloat() && !dt.IsInt()) || dt.IsFloat16() {
		return nil, fmt.Errorf("graph: no constants of dtype %s", dt)
	}
	switch dt { // most are, and may be long
	case dtypes.Float64:
		return append(make([]float64, 0, len(values)), values...), nil
	case dtypes.Float32:
		s := make([]float32, len(values))
		for i, x := range values {
			s[i] = float32(x)
		}
		return s, nil
	}
	s := reflect.MakeSlice(reflect.SliceOf(gt), len(values), len(values))
	for i, x := range values {
		s.Index(i).Set(reflect.ValueOf(x).Convert(gt))
	}
	return s.Interface(), nil
}

// ConstantValue returns the value of a numeric constant whose entries are all equal.
func ConstantValue(v *Value) (float64, bool) {
	a, ok := v.Def.Attrs.(ConstantAttrs)
	if !ok {
		return 0, false
	}
	f := reflect.ValueOf(a.Flat)
	if f.Len() == 0 {
		return 0, false
	}
	var first float64
	for i := range f.Len() {
		x := f.Index(i)
		var y float64
		switch {
		case x.CanFloat():
			y = x.Float()
		case x.CanInt():
			y = float64(x.Int())
		case x.CanUint():
			y = float64(x.Uint())
		default:
			return 0, false
		}
		if i > 0 && y != first {
			return 0, false
		}
		first = y
	}
	return first, true
}
