package vmap_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/vmap"
)

// A ruleCase is an op on operands of one example.
type ruleCase struct {
	op    graph.OpType
	attrs graph.Attrs
	in    []spec
}

func (c ruleCase) String() string {
	s := c.op.String()
	for _, x := range c.in {
		s += fmt.Sprintf(" %s%v", x.dt, x.dims)
	}
	if c.attrs != nil {
		s += fmt.Sprintf(" %+v", c.attrs)
	}
	return s
}

// program returns the program of c alone.
func (c ruleCase) program(t testing.TB) *graph.Program {
	t.Helper()
	rec := graph.NewRecorder(c.op.String())
	xs := make([]graph.Op, len(c.in))
	for i, s := range c.in {
		p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{
			Name: fmt.Sprintf("p%d", i), Shape: shapes.Make(s.dt, s.dims...),
		})
		if err != nil {
			t.Fatal(err)
		}
		xs[i] = p[0]
	}
	out, err := rec.Apply(c.op, c.attrs, xs...)
	if err != nil {
		t.Fatalf("%v: %v", c, err)
	}
	return rec.Program(out...)
}

// check compares c under nested Maps, its operands mapped in all combinations,
// with loops.
func (c ruleCase) check(t *testing.T, levels ...int) {
	t.Helper()
	r := seeded(uint64(c.op))
	operands := make([]operand, len(c.in))
	for i, s := range c.in {
		operands[i] = s.fill(r, product(levels))
	}
	p := c.program(t)
	check(t, machineFor(t, p), p, operands, levels, mappings(len(c.in), len(levels)))
}

// TestRules compares every rule with a loop over examples: three of them, an
// odd number, and one, the size that a rule could take for a broadcast.
func TestRules(t *testing.T) {
	for i, c := range cases() {
		t.Run(fmt.Sprintf("%s_%d", c.op, i), func(t *testing.T) {
			c.check(t, 3)
			if len(c.in) <= 2 {
				c.check(t, 1)
			}
		})
	}
}

// TestNested compares Maps over Maps with double loops. Sizes differ, so that
// levels that are exchanged show.
func TestNested(t *testing.T) {
	nested := []graph.OpType{
		backends.OpTypeMul, backends.OpTypeWhere, backends.OpTypeDotGeneral, backends.OpTypeConvGeneral, backends.OpTypeGather,
		backends.OpTypeReduceWindow, backends.OpTypeScatterSum, backends.OpTypePad, backends.OpTypeConcatenate,
	}
	for i, c := range cases() {
		if slices.Contains(nested, c.op) {
			t.Run(fmt.Sprintf("%s_%d", c.op, i), func(t *testing.T) { c.check(t, 2, 3) })
		}
	}
}

// TestFixedPassesThrough applies every op to fixed values: it is computed once,
// whether or not it has a rule.
func TestFixedPassesThrough(t *testing.T) {
	rec := graph.NewRecorder("fixed")
	m := vmap.New(rec, 2)
	state, err := m.Apply(backends.OpTypeConstant, graph.ConstantAttrs{Flat: []uint64{1, 2, 3}, Dims: []int{3}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := m.Apply(backends.OpTypeRNGBitGenerator, graph.RNGBitGeneratorAttrs{Shape: shapes.Make(dtypes.Uint64, 4)}, state...)
	if err != nil {
		t.Fatal(err)
	}
	if len(out) != 2 {
		t.Fatalf("%d outputs, want 2", len(out))
	}
	for i, o := range out {
		if o.(*vmap.Value).Mapped {
			t.Errorf("output %d is mapped", i)
		}
	}
}

// TestWithoutCopies checks that products and convolutions are transposed only
// where their order of axes asks for it, and that nothing fixed is repeated.
func TestWithoutCopies(t *testing.T) {
	nhwc := conv(convLayouts[0], convSize{2, 3, 4, 5, 5, 3, 3}, func(*graph.ConvGeneralAttrs) {})
	for _, tc := range []struct {
		name       string
		c          ruleCase
		way        mapping
		transposes int
	}{
		{"examples times weights", dot([]int{2, 3}, []int{3, 4}, []int{1}, nil, []int{0}, nil), mapping{1, 0}, 0},
		{"vector times mapped weights", dot([]int{3}, []int{3, 4}, []int{0}, nil, []int{0}, nil), mapping{0, 1}, 0},
		{"weights times mapped vector", dot([]int{4, 3}, []int{3}, []int{1}, nil, []int{0}, nil), mapping{0, 1}, 0},
		{"both", dot([]int{2, 3}, []int{3, 4}, []int{1}, nil, []int{0}, nil), mapping{1, 1}, 0},
		{"weights times mapped matrix", dot([]int{4, 3}, []int{3, 2}, []int{1}, nil, []int{0}, nil), mapping{0, 1}, 1},
		{"convolution of examples", nhwc, mapping{1, 0}, 0},
		{"convolution with mapped kernels", nhwc, mapping{0, 1}, 2}, // into and out of the channels
	} {
		t.Run(tc.name, func(t *testing.T) {
			operands := make([]operand, 2)
			for i, s := range tc.c.in {
				operands[i] = s.fill(seeded(1), 3)
			}
			p, _ := batch(t, tc.c.program(t), operands, []int{3}, []mapping{tc.way})
			if got := p.Count()[backends.OpTypeTranspose]; got != tc.transposes {
				t.Errorf("%d transposes, want %d\n%s", got, tc.transposes, p)
			}
			if got := p.Count()[backends.OpTypeBroadcastInDim]; got != 0 {
				t.Errorf("%d broadcasts, want none\n%s", got, p)
			}
		})
	}
}
