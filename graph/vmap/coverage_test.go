package vmap_test

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
	"github.com/gontk/ntk/graph/vmap"
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

// TestCoverage holds that every op of GoMLX is batched and tested, or refused with a reason.
func TestCoverage(t *testing.T) {
	tested := map[graph.OpType]bool{}
	for _, c := range cases() {
		tested[c.op] = true
	}
	noOperands := []graph.OpType{backends.OpTypeParameter, backends.OpTypeConstant, backends.OpTypeIota}
	known := map[graph.OpType]bool{}
	for _, op := range builderOps(t) {
		known[op] = true
		reason, refused := vmap.Refused[op]
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
	for op := range vmap.Refused {
		if !known[op] {
			t.Errorf("refused op %s is none of backends.Builder", op)
		}
	}
}

// TestRefused applies what is refused to a mapped value.
func TestRefused(t *testing.T) {
	for op, reason := range vmap.Refused {
		t.Run(op.String(), func(t *testing.T) {
			rec := graph.NewRecorder("refused")
			p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: "x", Shape: shapes.Make(dtypes.Float64, 2, 3)})
			if err != nil {
				t.Fatal(err)
			}
			_, err = vmap.New(rec, 2).Apply(op, nil, vmap.Mapped(p[0]), vmap.Fixed(p[0]))
			if !errors.Is(err, graph.ErrNoRule) {
				t.Fatalf("error %v, want %v", err, graph.ErrNoRule)
			}
			if text := err.Error(); !strings.Contains(text, op.String()) || !strings.Contains(text, reason) {
				t.Errorf("error %q does not name %s and its reason", text, op)
			}
		})
	}
}

// TestBadValues checks that misuse is an error, not a panic.
func TestBadValues(t *testing.T) {
	rec := graph.NewRecorder("bad")
	p, err := rec.Apply(backends.OpTypeParameter, graph.ParameterAttrs{Name: "x", Shape: shapes.Make(dtypes.Float64, 2, 3)})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		n    int
		in   graph.Op
		want string
	}{
		{"another size", 3, vmap.Mapped(p[0]), "want 3 examples on axis 0"},
		{"no examples", 0, vmap.Fixed(p[0]), "want at least 1"},
		{"not wrapped", 2, p[0], "wrap it in Mapped or Fixed"},
		{"nil", 2, nil, "wrap it in Mapped or Fixed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := vmap.New(rec, tc.n)
			_, err := m.Apply(backends.OpTypeNeg, nil, tc.in)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Apply: error %v, want %q", err, tc.want)
			}
			if _, err := m.Out(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Out: error %v, want %q", err, tc.want)
			}
		})
	}
}
