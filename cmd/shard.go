package cmd

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/tiles"
)

// A shard is one of several processes that compute one Gram matrix; the zero
// shard is the only process there is.
type shard struct {
	index, count int // index from 1
}

// parseShard reads "2/8".
func parseShard(text string) (shard, error) {
	if text == "" {
		return shard{}, nil
	}
	i, n, ok := strings.Cut(text, "/")
	s := shard{}
	var ierr, nerr error
	s.index, ierr = strconv.Atoi(i)
	s.count, nerr = strconv.Atoi(n)
	if !ok || ierr != nil || nerr != nil || s.index < 1 || s.index > s.count {
		return shard{}, usagef("--shard %q: want i/n with i from 1 to n, such as 2/8", text)
	}
	return s, nil
}

// name puts the shard between the two parts of a file's name.
func (s shard) name(base, ext string) string {
	if s.count == 0 {
		return base + ext
	}
	return fmt.Sprintf("%s-%d-of-%d%s", base, s.index, s.count, ext)
}

// String returns "2/8".
func (s shard) String() string {
	if s.count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.index, s.count)
}

const (
	// tilesPerShard makes shards even: a tile more or less is an eighth.
	tilesPerShard = 8
	// largestShardBlock is where larger blocks gain no speed.
	largestShardBlock = 256
)

// block returns how many examples a block has unless --block says otherwise.
// It depends on nothing of the machine: all shards must cut alike.
func (s shard) block(examples int) int {
	// g blocks make g(g+1)/2 tiles.
	g := int(math.Ceil(math.Sqrt(2 * tilesPerShard * float64(s.count))))
	return min((examples+g-1)/g, largestShardBlock)
}

// jacobianRate is the FLOP/s of Jacobians beside the rates that plans predict
// seconds with; only the ratio matters.
const jacobianRate = 100e9

// part returns the shard's tiles: all shards are about as dear, by the plan.
func (s shard) part(spec tiles.Spec, p *empirical.Plan) (tiles.Part, error) {
	if s.count == 0 {
		return tiles.Part{}, nil
	}
	pairs := float64(p.N1) * float64(p.N1+1) / 2
	seconds := 0.0
	for _, w := range p.Weights {
		seconds += w.Seconds
	}
	cost := func(t tiles.Tile) float64 {
		n := float64(t.Rows) * float64(t.Cols)
		if t.Row == t.Col {
			n = float64(t.Rows) * float64(t.Rows+1) / 2
		}
		return seconds * n / pairs
	}
	parts, err := spec.Split(s.count, cost, p.JacobianFLOPs/jacobianRate*float64(p.Block)/float64(p.N1))
	if err != nil {
		return tiles.Part{}, fmt.Errorf("--shard %s: %w", s, err)
	}
	return parts[s.index-1], nil
}

// explain returns the line that --explain has of a shard.
func (s shard) explain(p *empirical.Plan) (string, error) {
	if s.count == 0 {
		return "", nil
	}
	spec := tiles.Spec{N1: p.N1, N2: p.N2, DType: tiles.Float32, Symmetric: p.Symmetric, Block1: p.Block, Block2: p.Block}
	part, err := s.part(spec, p)
	return fmt.Sprintf("shard %s: %v of 0 to %d\n", s, part, p.Tiles-1), err
}
