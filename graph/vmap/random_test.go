package vmap_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/backends"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/graph/lower"
)

const (
	randomOnGo  = 1000 // programs
	randomOnXLA = 30
	leastOften  = 10 // times that each op has to occur
)

// TestRandomPrograms compares random programs under one or two Maps with loops
// over their examples, on the pure Go backend and, for the ops that it does not
// have, on XLA.
func TestRandomPrograms(t *testing.T) {
	counts := map[graph.OpType]int{}
	needed := lacking()
	onGo := func(op graph.OpType) bool {
		_, lowered := needed.Ops[op]
		return lowered || op == backends.OpTypeConvGeneral || goHas(op, nil, nil)
	}
	t.Run("go", func(t *testing.T) {
		ops := supported(onGo)
		m := goMachine(t, needed)
		for seed := range uint64(randomOnGo) {
			checkRandom(t, m, seed, ops, counts)
		}
		assertCounts(t, ops, counts)
	})
	t.Run("xla", func(t *testing.T) {
		m, err := xlaMachine()
		if err != nil {
			t.Skipf("there is no XLA: %v", err)
		}
		ops := supported(func(graph.OpType) bool { return true })
		for seed := range uint64(randomOnXLA) {
			checkRandom(t, m, randomOnGo+seed, ops, counts)
		}
		assertCounts(t, ops, counts)
	})
}

// supported returns the ops of backends.Builder that have operands, a rule, and pred.
func supported(pred func(graph.OpType) bool) (ops []graph.OpType) {
	for _, c := range cases() {
		if !slices.Contains(ops, c.op) && pred(c.op) {
			ops = append(ops, c.op)
		}
	}
	slices.Sort(ops)
	return ops
}

func assertCounts(t *testing.T, ops []graph.OpType, counts map[graph.OpType]int) {
	t.Helper()
	for _, op := range ops {
		if counts[op] < leastOften {
			t.Errorf("%s occurred %d times, want at least %d", op, counts[op], leastOften)
		}
	}
}

// checkRandom makes a program of 3 to 12 draws from ops, rare ones first, and
// checks it.
func checkRandom(t *testing.T, m machine, seed uint64, ops []graph.OpType, counts map[graph.OpType]int) {
	t.Helper()
	r := seeded(seed)
	levels := []int{1 + r.IntN(3)}
	if r.IntN(4) == 0 {
		levels = append(levels, 1+r.IntN(2))
	}
	g := &generator{r: r, rec: graph.NewRecorder(fmt.Sprintf("random_%d", seed)), examples: product(levels), fused: m.name == "xla"}
	if err := graph.Catch(func() {
		for range 3 + r.IntN(10) {
			op := ops[r.IntN(len(ops))]
			for range 8 {
				if other := ops[r.IntN(len(ops))]; counts[other] < counts[op] {
					op = other
				}
			}
			g.draw(op)
			counts[op]++
		}
	}); err != nil {
		t.Fatalf("program %d: %v", seed, err)
	}
	check(t, m, g.program(), g.operands, levels, []mapping{g.mapping(len(levels))})
	if t.Failed() {
		t.Fatalf("program %d", seed)
	}
}

// mapping maps each operand at random, and one at least at every level.
func (g *generator) mapping(levels int) mapping {
	way := make(mapping, len(g.operands))
	for i := range way {
		way[i] = g.r.IntN(1 << levels)
	}
	for l := range levels {
		way[g.r.IntN(len(way))] |= 1 << l
	}
	return way
}

// program returns what was drawn; its outputs are the values that no op reads.
func (g *generator) program() *graph.Program {
	p := g.rec.Program()
	users := p.Users()
	for _, e := range p.Eqns {
		for _, o := range e.Out {
			if len(users[o]) == 0 && e.Op != backends.OpTypeParameter {
				p.Outputs = append(p.Outputs, o)
			}
		}
	}
	return p
}

// TestManyExamples has more examples than the dtype of the indices can count.
func TestManyExamples(t *testing.T) {
	const n = 300
	for _, c := range cases() {
		if c.op == backends.OpTypeGather && c.in[1].dt.Size() == 1 {
			operands := []operand{c.in[0].fill(seeded(1), n), c.in[1].fill(seeded(2), n)}
			check(t, goMachine(t, lower.Set{}), c.program(t), operands, []int{n}, mappings(2, 1))
			return
		}
	}
	t.Error("no case has indices of 8 bits")
}

// between returns a number in [lo, hi].
func between(r *rand.Rand, lo, hi int) int { return lo + r.IntN(hi-lo+1) }
