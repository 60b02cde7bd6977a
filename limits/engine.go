package limits

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gomlx/gomlx/pkg/core/dtypes"

	"github.com/gontk/ntk/graph"
	"github.com/gontk/ntk/internal/tiles"
)

// An engine computes both kernels on a tile. The exact one takes every plan, pair
// by pair in float64; a compiled one takes those of its kind in float32, and the
// tests hold it against the exact one.
type engine interface {
	// tile writes K and Θ of the tile's pairs, row-major; of a tile on the diagonal
	// of a symmetric Gram (mirror) those above the diagonal too, whatever is below.
	tile(ctx context.Context, t tiles.Tile, mirror bool, k, theta []float64) error
}

// A compiler makes engines of one kind.
type compiler struct {
	name string
	// fits returns what makes an engine for a plan, and its bytes for n examples on
	// either side; or why there is none.
	fits func(p *plan) (recipe, error)
}

// A recipe is a plan's compiled form.
type recipe interface {
	// bytes is the memory that n examples and tiles of a side take.
	bytes(n, block int) int64
	// engine prepares the examples of a run.
	engine(r *gramRun) (engine, error)
}

// plain is a recipe for which examples are the numbers of one value.
type plain interface{ numbers() *graph.Value }

// sized is a recipe that says how large tiles are by default.
type sized interface{ block() int }

// compilers are tried in order. One kind is one file.
var compilers = []compiler{{"chain", compileChain}, {"convolution", compileConvolution}}

// A compiledForm is what compile found.
type compiledForm struct {
	once   sync.Once
	recipe recipe
	text   string
}

// compile returns the first compiled form of a plan, nil if it has none, and what
// was found, for people.
func (p *plan) compile() (recipe, string) {
	p.compiled.once.Do(func() { p.compiled.recipe, p.compiled.text = p.findCompiled() })
	return p.compiled.recipe, p.compiled.text
}

func (p *plan) findCompiled() (recipe, string) {
	text := ""
	for _, c := range compilers {
		r, err := c.fits(p)
		if err == nil {
			return r, c.name
		}
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("no %s: %v", c.name, err)
	}
	return nil, text
}

// choose returns the compiled form of a run, nil for the exact engine, and says why in
// Grams.
func (r *gramRun) choose(block int) recipe {
	r.grams.Engine = exactName
	recipe, text := r.recipe()
	if recipe == nil {
		r.grams.Engine += text
		return nil
	}
	budget := r.opts.budget()
	if need := recipe.bytes(max(r.grams.N1, r.grams.N2), block); need > budget.Bytes/2 {
		r.grams.Engine += fmt.Sprintf(", %s needs %d bytes of the budget", text, need)
		return nil
	}
	r.grams.Engine = text + ", float32"
	return recipe
}

// start sets the engine, once examples are there.
func (r *gramRun) start(chosen recipe) (err error) {
	if r.engine = engine(&exact{r}); chosen == nil {
		return nil
	}
	compiled, err := chosen.engine(r)
	switch {
	case errors.Is(err, errRounding):
		r.grams.Engine = fmt.Sprintf("%s: %v", exactName, err)
		return nil
	case err == nil:
		r.engine = compiled
	}
	return err
}

// errRounding says that these examples are not for float32.
var errRounding = errors.New("layers magnify roundings of float32")

// recipe returns the compiled form that a run may use, nil without one, and its name
// or why there is none.
func (r *gramRun) recipe() (recipe, string) {
	if r.opts.DType != dtypes.Float32 {
		return nil, ""
	}
	x, text := r.l.plan.compile()
	if x == nil {
		text = ", " + text
	}
	return x, text
}

const exactName = "pair by pair, float64"

// exact is the engine that takes every plan.
type exact struct{ r *gramRun }

func (x *exact) tile(ctx context.Context, t tiles.Tile, mirror bool, k, theta []float64) error {
	r := x.r
	return parallel(ctx, t.Rows, r.threads, func(i int) error {
		e := r.l.evaluation()
		from := 0
		if mirror {
			from = i
		}
		for j := from; j < t.Cols; j++ {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			at := i*t.Cols + j
			var err error
			if k[at], theta[at], err = r.pair(e, t.Row+i, t.Col+j, mirror && i == j); err != nil {
				return err
			}
		}
		r.report(t.Cols-from, e.dualError)
		return nil
	})
}

// evaluation returns one of no pair yet.
func (l *Limit) evaluation() *evaluation {
	n := len(l.plan.list)
	return &evaluation{m: make([][]float64, n), t: make([][]float64, n), d: make([][]float64, n), angles: make([][]float64, n)}
}

// pair computes examples i of x1 and j of x2; same says that they are one.
func (r *gramRun) pair(e *evaluation, i, j int, same bool) (k, theta float64, err error) {
	e.left, e.right, e.same = r.left[i], r.right[j], same
	if k, theta, err = r.l.pair(e); err != nil {
		err = fmt.Errorf("limits: examples %d of x1 and %d of x2: %w", i, j, err)
	}
	return k, theta, err
}
