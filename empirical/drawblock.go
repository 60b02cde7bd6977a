package empirical

import (
	"fmt"
	"slices"
)

// A DrawBlock has the moments of consecutive draws: the unit of work of a Monte
// Carlo run, and what is kept on disk.
type DrawBlock struct {
	// Index counts blocks from 0: block i has the seeds from First + i·BlockDraws on.
	Index int
	Theta *Estimate
	NNGP  *Estimate // nil unless asked for
}

// MergeBlocks returns the moments of the draws of all blocks, those of Θ and,
// if every block has them, those of the NNGP. Blocks are merged along a fixed
// binary tree over their indices, so the bits of the result depend neither on
// who computed which block nor on the order of the arguments.
//
// It returns an error if the indices are not 0, 1, … without gap or repetition,
// and if blocks differ in size.
func MergeBlocks(blocks ...*DrawBlock) (theta, nngp *Estimate, err error) {
	blocks = slices.Clone(blocks)
	slices.SortFunc(blocks, func(a, b *DrawBlock) int { return a.Index - b.Index })
	var t mergeTree
	for _, b := range blocks {
		if err := t.push(b); err != nil {
			return nil, nil, err
		}
	}
	if len(blocks) == 0 {
		return nil, nil, fmt.Errorf("empirical: no blocks of draws to merge")
	}
	root := t.root()
	return root.Theta, root.NNGP, nil
}

// A mergeTree merges blocks in the order of their indices, two subtrees of the
// same size whenever there are two: a binary counter. It holds O(log blocks)
// moments, and its shape depends on the number of blocks alone.
type mergeTree struct {
	nodes  []*DrawBlock
	sizes  []int // blocks under each node, falling powers of 2
	blocks int
}

// push adds the next block.
func (t *mergeTree) push(b *DrawBlock) error {
	if b.Index != t.blocks {
		return fmt.Errorf("empirical: block %d of draws comes where block %d is due: every block counts once", b.Index, t.blocks)
	}
	if len(t.nodes) > 0 {
		if err := fits(t.nodes[0], b); err != nil {
			return err
		}
	}
	t.blocks++
	t.nodes, t.sizes = append(t.nodes, b), append(t.sizes, 1)
	for k := len(t.nodes) - 2; k >= 0 && t.sizes[k] == t.sizes[k+1]; k-- {
		t.nodes[k] = mergeTwo(t.nodes[k], t.nodes[k+1])
		t.sizes[k] *= 2
		t.nodes, t.sizes = t.nodes[:k+1], t.sizes[:k+1]
	}
	return nil
}

// root returns the moments of all blocks so far; at least one.
func (t *mergeTree) root() *DrawBlock {
	k := len(t.nodes) - 1
	r := t.nodes[k]
	for k--; k >= 0; k-- {
		r = mergeTwo(t.nodes[k], r)
	}
	return r
}

func mergeTwo(a, b *DrawBlock) *DrawBlock {
	c := &DrawBlock{Index: a.Index, Theta: merge(a.Theta, b.Theta)}
	if a.NNGP != nil {
		c.NNGP = merge(a.NNGP, b.NNGP)
	}
	return c
}

func fits(a, b *DrawBlock) error {
	if len(a.Theta.Mean) != len(b.Theta.Mean) || (a.NNGP == nil) != (b.NNGP == nil) ||
		a.NNGP != nil && len(a.NNGP.Mean) != len(b.NNGP.Mean) {
		return fmt.Errorf("empirical: block %d of draws differs in size from block %d: they belong to different runs", b.Index, a.Index)
	}
	return nil
}
