package diagnose

import (
	"math"
	"testing"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/native"
	"github.com/gontk/ntk/models"
)

// chain is an MLP of one output without biases on n examples around a circle of
// radius √d in the first two of d coordinates: their Gram matrix is d·cos.
func chain(t *testing.T, activation string, variance float64, width, n int) Config {
	t.Helper()
	const d = 4
	s := &data.Set{Name: "circle", X: make([]float64, n*d), Shape: []int{n, d}}
	for i := range n {
		s.X[i*d], s.X[i*d+1] = 2*math.Cos(math.Pi*float64(i)/float64(n)), 2*math.Sin(math.Pi*float64(i)/float64(n))
	}
	build, err := models.Lookup("mlp")
	if err != nil {
		t.Fatal(err)
	}
	return Config{
		Source: Source{Name: "mlp", Build: func(depth int, input []int, _ int) (empirical.Model, error) {
			spec, err := build(models.Config{Depth: depth, Width: width, Activation: activation, WStd: math.Sqrt(variance), InputShape: input})
			if err != nil {
				return nil, err
			}
			return spec.Model()
		}},
		Data: s, Seed: 1, Seeds: 4, Backend: pureGo(t), BLAS: native.Gonum(), Without: Without{Learning: true},
	}
}

func diagnosed(t *testing.T, c Config) *Depth {
	t.Helper()
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if m := r.Depths[0].Signal.Missing; m != "" {
		t.Fatalf("missing: %s", m)
	}
	return &r.Depths[0]
}

// TestRegimes has the phases of tanh without biases: order below σ_w² = 1, where χ
// is σ_w² at q* = 0, the edge at 1, chaos above (Poole et al., arXiv 1606.05340).
func TestRegimes(t *testing.T) {
	for _, tc := range []struct {
		variance float64
		width    int // at the edge q falls by fluctuations too
		want     regime
	}{{0.5, 64, ordered}, {1, 256, critical}, {3, 64, chaotic}} {
		c := chain(t, "tanh", tc.variance, tc.width, 4)
		c.Depths = []int{24}
		d := diagnosed(t, c)
		p, ok := d.propagate()
		if !ok || p.regime() != tc.want {
			t.Errorf("σ_w² = %g: %s (%+v), want %s", tc.variance, p.regime(), p, tc.want)
		}
		// Four networks of width 64 err by 2/√(64·4) in a layer, and these by
		// less over twelve of them.
		if x := math.Exp(p.logMean); tc.want == ordered && !(math.Abs(x-0.5) <= 0.06) {
			t.Errorf("gradients shrink by %g per layer, want 0.5", x)
		}
	}
}

// TestReLUSignal compares with He's gain: lengths stay |x|²/d·2, correlations follow
// the arc-cosine recursion, gradients keep their size.
func TestReLUSignal(t *testing.T) {
	c := chain(t, "relu", 2, 256, 6)
	c.Depths = []int{6}
	d := diagnosed(t, c)
	n := 6
	var cs []float64
	for _, p := range pairs(n) {
		cs = append(cs, math.Cos(math.Pi*float64(p[0]-p[1])/float64(n)))
	}
	for l := range 6 {
		want := 0.0
		for i, c := range cs {
			want += c / float64(len(cs))
			theta := math.Acos(min(1, c))
			cs[i] = (math.Sin(theta) + (math.Pi-theta)*c) / math.Pi
		}
		q, corr := 0.0, 0.0
		for _, s := range d.Seeds {
			q += s.Signal.Layers[l].Length / 4
			corr += s.Signal.Layers[l].Correlation / 4
		}
		// Fluctuations of a layer are √(5/256/4) of q at most, and add up; the
		// examples share them.
		if tol := 4 * math.Sqrt(5.0/256/4*float64(l+1)); !(math.Abs(q/2-1) <= tol) {
			t.Errorf("layer %d: length %g, want 2 ± %g", l, q, 2*tol)
		}
		if !(math.Abs(corr-want) <= 0.08) {
			t.Errorf("layer %d: correlation %g, want %g", l, corr, want)
		}
		// The prediction starts from what is measured at the first layer.
		if p := d.Signal.Layers[l]; !(math.Abs(*p.Correlation-want) <= 0.03) || !(math.Abs(*p.Length / *d.Signal.Layers[0].Length - 1) <= 1e-12) {
			t.Errorf("layer %d: predicted %g, %g, want %g and the length of the first layer", l, *p.Correlation, *p.Length, want)
		}
		if chi := d.Signal.Layers[l].Chi; l > 0 && !(math.Abs(*chi-1) <= 1e-12) {
			t.Errorf("layer %d: χ = %g, want 1", l, *chi)
		}
	}
	p, _ := d.propagate()
	if x := math.Exp(p.logMean); !(math.Abs(x-1) <= 0.12) { // as above
		t.Errorf("gradients change by %g per layer, want 1", x)
	}
}

// TestInputJacobian has f = w·x + v·x of one output: one singular value, |w + v|.
func TestInputJacobian(t *testing.T) {
	c := config(t, 1, 1, 2)
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	j := r.Depths[0].Seeds[0].Signal.Jacobian
	if j == nil || !(j.Largest > 0) || j.Largest != j.Smallest || !(math.Abs(j.MeanSquare/(j.Largest*j.Largest)-1) <= 1e-12) {
		t.Errorf("singular values %+v of a single row", j)
	}
}

// TestLimitDistance has a kernel that no weight enters: it is its limit.
func TestLimitDistance(t *testing.T) {
	c := chain(t, "identity", 1, 64, 3)
	c.Depths = []int{1}
	// Θ = h·h'/n + x·x'/d·v·v/n: the limit is twice x·x'/d, and a network of width
	// 64 is some √(2/64)·√3 away.
	d := diagnosed(t, c)
	if d.Limit.Examples != 3 || d.Limit.Distance == nil || !(*d.Limit.Distance > 0 && *d.Limit.Distance < 0.31) {
		t.Errorf("limit %+v", d.Limit)
	}
	one := c
	one.Source = twoLayers(1)
	one.Depths = nil
	one.Data = axesOf(1, 2)
	r, err := Run(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	l := r.Depths[0]
	if l.Limit.Missing != "" || l.Limit.Distance == nil || !(*l.Limit.Distance <= 1e-14) || !(*l.Seeds[0].LimitDistance <= 1e-14) {
		t.Errorf("w·x + v·x is %v away from its limit %+v", l.Seeds[0].LimitDistance, l.Limit)
	}
	one.Params = []string{"/a"}
	if r, err = Run(t.Context(), one); err != nil || r.Depths[0].Limit.Missing == "" {
		t.Errorf("some weights are compared with the limit of all: %v, %+v", err, r)
	}
}

// TestLearning has Θ = 2·diag(a²), a = (2, 1), and targets (1, 1): modes of half the
// targets each, the second learned by a quarter per step.
func TestLearning(t *testing.T) {
	c := config(t, 1, 2, 1)
	c.Data.Y = []float64{1, 1}
	c.Steps = 3
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	l := r.Depths[0].Seeds[0].Learning
	for _, n := range []struct {
		name      string
		got, want float64
	}{
		{"rate", l.Rate, 2.0 / 8}, // N·O/λ1
		{"loss left", l.Left, 0.5 * math.Pow(0.75, 6)},
		{"first drop", l.FirstDrop, 0.5 + 0.5*(1-0.75*0.75)},
		{"first step", l.FirstStep, math.Sqrt((8*8 + 2*2) / 2.0 / 4)}, // Θy/2
		{"unlearned modes", float64(l.Unlearned), 1},                  // 0.75³ > 0.1
		{"their share", l.UnlearnedShare, 0.5},
		{"target alignment", l.TargetAlignment, 10 / (2 * math.Sqrt(64+4))},
	} {
		if !(math.Abs(n.got-n.want) <= 1e-13*math.Abs(n.want)) {
			t.Errorf("%s is %g, want %g", n.name, n.got, n.want)
		}
	}
	c.Steps = 9 // 0.75⁹ < 0.1
	if r, err = Run(t.Context(), c); err != nil || r.Depths[0].Seeds[0].Learning.Unlearned != 0 {
		t.Errorf("after 9 steps %+v, %v", r.Depths[0].Seeds[0].Learning, err)
	}
	c.Without = Without{Signal: true, Limit: true, Learning: true}
	r, err = Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if d := r.Depths[0]; d.Signal != nil || d.Limit != nil || d.Seeds[0].Learning != nil || d.Seeds[0].Signal != nil {
		t.Errorf("parts that are left out are there: %+v", d)
	}
}

// TestRemediesRun has tanh in order: the edge of chaos and residual connections let
// gradients pass, which shrink by χ = 0.3 in each layer before.
func TestRemediesRun(t *testing.T) {
	c := chain(t, "tanh", 0.3, 32, 4)
	c.Seeds = 2
	c.Depths = []int{12}
	build, err := models.Lookup("mlp")
	if err != nil {
		t.Fatal(err)
	}
	c.Source.Spec = func(depth int, input []int, _ int) (*models.Spec, error) {
		return build(models.Config{Depth: depth, Width: 32, Activation: "tanh", WStd: math.Sqrt(0.3), InputShape: input})
	}
	c.Data.Y = []float64{1, -1, 1, -1}
	c.Without = Without{Limit: true}
	c.Remedies = true
	r, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Remedies) != 1+len(models.Remedies()) {
		t.Fatalf("%d rows", len(r.Remedies))
	}
	growth := map[string]float64{}
	for _, m := range r.Remedies {
		if m.Missing != "" {
			t.Errorf("%s: %s", m.Name, m.Missing)
			continue
		}
		growth[m.Name] = *m.Growth
	}
	// 0.3^11 but for fluctuations of width 32, 2/32 in the square of each layer.
	if g := growth["none"]; !(math.Abs(math.Log(g)/11-math.Log(0.3)) <= 0.2) || r.Remedies[0].Verdict != string(faded) {
		t.Errorf("as it is, gradients grow by %g, verdict %q", g, r.Remedies[0].Verdict)
	}
	for _, name := range []string{"residual", "edge-of-chaos", "dks", "tat", "layer-norm"} {
		if g := growth[name]; !(g > 0.01 && g < 100) {
			t.Errorf("%s: gradients grow by %g", name, g)
		}
	}
	// Orthogonal matrices do not change the mean of the squares.
	if g := growth["orthogonal"]; !(math.Abs(math.Log(g)/11-math.Log(0.3)) <= 0.2) {
		t.Errorf("orthogonal: gradients grow by %g", g)
	}
	if len(r.remedies()[0].Rows) != len(r.Remedies) {
		t.Error("the table has not a row for each")
	}
}
