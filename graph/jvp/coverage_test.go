package jvp_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/backends"
	"github.com/gomlx/gomlx/pkg/core/dtypes"
	"github.com/gomlx/gomlx/pkg/core/shapes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/jvp"
)

// builderOps returns the op of every method of backends.Builder that builds one.
func builderOps(t *testing.T) []graph.OpType {
	t.Helper()
	notOps := []string{"Name", "Compile", "OpShape", "DistributedSPMD", "DistributedAutoSharding", "DeviceAssignment"}
	builder := reflect.TypeFor[backends.Builder]()
	var ops []graph.OpType
	for i := range builder.NumMethod() {
		name := builder.Method(i).Name
		if slices.Contains(notOps, name) {
			continue
		}
		op, err := backends.OpTypeString(name)
		if err != nil {
			t.Errorf("method %s of Builder has no op: %v", name, err)
			continue
		}
		ops = append(ops, op)
	}
	if len(ops) < 100 { // GoMLX v0.26.0 has that many
		t.Errorf("%d ops in backends.Builder, want at least 100", len(ops))
	}
	return ops
}

// TestCoverage holds that every op of GoMLX is differentiated and tested, or
// refused with a reason.
func TestCoverage(t *testing.T) {
	tested := map[graph.OpType]bool{}
	for _, c := range cases() {
		tested[c.op] = true
	}
	noOperands := []graph.OpType{backends.OpTypeParameter, backends.OpTypeConstant, backends.OpTypeIota}
	known := map[graph.OpType]bool{}
	for _, op := range builderOps(t) {
		known[op] = true
		reason, refused := jvp.Refused[op]
		switch {
		case slices.Contains(noOperands, op):
		case refused && tested[op]:
			t.Errorf("%s is refused and has a test", op)
		case refused && reason == "":
			t.Errorf("%s is refused without a reason", op)
		case !refused && !tested[op]:
			t.Errorf("%s is neither tested nor refused", op)
		}
	}
	for op := range jvp.Refused {
		if !known[op] {
			t.Errorf("refused op %s is none of backends.Builder", op)
		}
	}
}

// wantNoRule fails unless err is of an op without a rule and has the words.
func wantNoRule(t *testing.T, err error, words ...string) {
	t.Helper()
	if !errors.Is(err, graph.ErrNoRule) {
		t.Fatalf("error %v, want %v", err, graph.ErrNoRule)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not have %q", err, w)
		}
	}
}

// TestRefused applies what is refused to a value with a tangent.
func TestRefused(t *testing.T) {
	rec := record(t)
	x := rec.param("x", shapes.Make(dtypes.Float64, 2, 3))
	m := jvp.New(rec)
	for op, reason := range jvp.Refused {
		t.Run(op.String(), func(t *testing.T) {
			_, err := m.Apply(op, nil, jvp.Dual(x, x), jvp.Const(x))
			wantNoRule(t, err, op.String(), reason)
		})
	}
	t.Run("product window", func(t *testing.T) {
		a := graph.ReduceWindowAttrs{
			Type: backends.ReduceOpProduct, Window: []int{2, 1}, Strides: []int{1, 1},
			BaseDilations: []int{1, 1}, WindowDilations: []int{1, 1}, Paddings: make([][2]int, 2),
		}
		_, err := m.Apply(backends.OpTypeReduceWindow, a, jvp.Dual(x, x))
		wantNoRule(t, err, "ReduceWindow", "Slice and Mul")
		if _, err := m.Apply(backends.OpTypeReduceWindow, a, jvp.Const(x)); err != nil {
			t.Errorf("without a tangent: %v", err)
		}
	})
}

// TestBadValues checks that misuse is an error, not a panic.
func TestBadValues(t *testing.T) {
	rec := record(t)
	x := rec.param("x", shapes.Make(dtypes.Float64, 2, 3))
	row := rec.param("row", shapes.Make(dtypes.Float64, 3))
	half := rec.param("half", shapes.Make(dtypes.Float32, 2, 3))
	count := rec.param("count", shapes.Make(dtypes.Int32, 2, 3))
	for _, tc := range []struct {
		name string
		in   graph.Op
		want string
	}{
		{"another shape", jvp.Dual(x, row), "for a primal of shape"},
		{"another dtype", jvp.Dual(x, half), "for a primal of shape"},
		{"integers", jvp.Dual(count, count), "only floats have one"},
		{"not wrapped", x, "wrap it in Dual or Const"},
		{"nil", nil, "wrap it in Dual or Const"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := jvp.New(rec)
			_, err := m.Apply(backends.OpTypeNeg, nil, tc.in)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Apply: error %v, want %q", err, tc.want)
			}
			if _, err := m.Tangent(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Tangent: error %v, want %q", err, tc.want)
			}
		})
	}
	// Operands that do not fit are the inner Interpreter's error.
	if _, err := jvp.New(rec).Apply(backends.OpTypeAdd, nil, jvp.Dual(x, x), jvp.Const(row)); err == nil {
		t.Error("shapes that do not fit are accepted")
	}
}
