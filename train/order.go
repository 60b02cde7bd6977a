package train

import (
	"fmt"
	"math/rand/v2"
)

// An Order says which examples are in the batch of every step: the examples in
// one random order after another, each of which has all of them once, cut into
// batches of one size. A batch may reach from one order into the next.
//
// It depends on its fields alone, not on the steps before.
type Order struct {
	// Examples N and Batch B, at most N; B = N takes all of them, in their order,
	// in every step.
	Examples, Batch int
	// Seed of the orders.
	Seed uint64

	epoch int
	perm  []int // of epoch; nil: none yet
}

// NewOrder returns an order of batches of size batch, 0 meaning n. It returns an
// error if there are not so many examples.
func NewOrder(n, batch int, seed uint64) (*Order, error) {
	if batch == 0 {
		batch = n
	}
	if n < 1 || batch < 0 || batch > n {
		return nil, fmt.Errorf("train: batches of %d of %d examples; want 1 to %d", batch, n, n)
	}
	return &Order{Examples: n, Batch: batch, Seed: seed}, nil
}

// At returns the examples of a step, counted from 0.
func (o *Order) At(step int) []int {
	idx := make([]int, o.Batch)
	if o.Batch == o.Examples {
		for i := range idx {
			idx[i] = i
		}
		return idx
	}
	for i := range idx {
		k := step*o.Batch + i
		idx[i] = o.permutation(k / o.Examples)[k%o.Examples]
	}
	return idx
}

// Epochs returns how often steps steps go through the examples.
func (o *Order) Epochs(steps int) float64 {
	return float64(steps) * float64(o.Batch) / float64(o.Examples)
}

// Steps returns how many steps go through the examples so often, rounded up.
func (o *Order) Steps(epochs int) int {
	return (epochs*o.Examples + o.Batch - 1) / o.Batch
}

// permutation returns the random order of an epoch.
func (o *Order) permutation(epoch int) []int {
	if o.perm != nil && o.epoch == epoch {
		return o.perm
	}
	r := rand.New(rand.NewPCG(o.Seed, uint64(epoch)))
	p := make([]int, o.Examples)
	for i := range p { // Fisher and Yates, inside out
		j := r.IntN(i + 1)
		p[i], p[j] = p[j], i
	}
	o.epoch, o.perm = epoch, p
	return p
}
