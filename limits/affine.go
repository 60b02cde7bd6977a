package limits

import "fmt"

// An affine is how a node depends on another through sums over weights, biases and
// other linear steps, the same for all pairs:
//
//	M = carried·M' + bias,  T = mean·M' + theta·T' + thetaBias.
type affine struct{ carried, bias, mean, theta, thetaBias float64 }

// affineOf goes from a node of one position down through linear steps to the only
// node below them that is none. It returns an error for what depends on examples, or
// joins several nodes.
func (p *plan) affineOf(n *node) (below *node, a affine, err error) {
	var order []*node
	seen := map[*node]bool{}
	var visit func(n *node) error
	visit = func(n *node) error {
		if seen[n] {
			return nil
		}
		seen[n] = true
		if len(n.list) != 1 {
			return fmt.Errorf("%s: %d pairs of positions", p.title(n.v.v, 1), len(n.list))
		}
		switch r := n.rule.(type) {
		case *weightRule, zeroRule:
		case *linearRule:
			for _, row := range r.m.rows {
				for _, e := range row {
					if e.factor >= 0 {
						return fmt.Errorf("%s: factors of each example", p.title(n.v.v, 1))
					}
				}
			}
			if p.dropouts[n.v.v] != nil || p.dropouts[n.w.v] != nil {
				return fmt.Errorf("%s: dropout", p.title(n.v.v, 1))
			}
		case *birthRule:
			if r.numbers {
				return p.reach(&below, n)
			}
		case *functionRule:
			return p.reach(&below, n)
		default:
			return fmt.Errorf("%s: %s", p.title(n.v.v, 1), n.rule.text(p.builder, n))
		}
		for _, c := range n.rule.children() {
			if len(c.list) == 0 {
				continue
			}
			if err := visit(c); err != nil {
				return err
			}
		}
		order = append(order, n)
		return nil
	}
	if err := visit(n); err != nil {
		return nil, a, err
	}
	if below == nil {
		return nil, a, fmt.Errorf("%s: no input below", p.title(n.v.v, 1))
	}
	if below == n {
		return below, affine{carried: 1, theta: 1}, nil
	}
	// The steps are linear: three points say all.
	at := func(m, t float64) (float64, float64) {
		e := &evaluation{m: make([][]float64, len(p.list)), t: make([][]float64, len(p.list))}
		e.m[below.id], e.t[below.id] = []float64{m}, []float64{t}
		for _, x := range order {
			e.m[x.id], e.t[x.id] = make([]float64, 1), make([]float64, 1)
			x.rule.eval(e, x, e.m[x.id], e.t[x.id])
		}
		return e.m[n.id][0], e.t[n.id][0]
	}
	m0, t0 := at(0, 0)
	m1, t1 := at(1, 0)
	_, t2 := at(0, 1)
	return below, affine{carried: m1 - m0, bias: m0, mean: t1 - t0, theta: t2 - t0, thetaBias: t0}, nil
}

// reach notes the node below all linear steps.
func (p *plan) reach(below **node, n *node) error {
	if *below != nil && *below != n {
		return fmt.Errorf("%s and %s are added: branches", p.title((*below).v.v, 1), p.title(n.v.v, 1))
	}
	*below = n
	return nil
}
