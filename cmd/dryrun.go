package cmd

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gontk/ntk/empirical"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/models"
)

// dryRun is what --dry-run prints with --json: what a verb would do, and take.
type dryRun struct {
	Schema  string `json:"schema"`
	Command string `json:"command"`
	Work    string `json:"work"`
	// Seconds are predicted from Basis: typical rates of machines, where a factor
	// of three either way is possible, or pairs of examples that were timed.
	Seconds      float64 `json:"seconds"`
	Basis        string  `json:"basis"`
	Memory       int64   `json:"memory"`
	Budget       int64   `json:"memory_budget"`
	BudgetSource string  `json:"memory_budget_source"`
	Disk         int64   `json:"disk"` // arrays alone
	Out          string  `json:"out,omitempty"`
}

func (a *app) registerDryRun(c *cobra.Command) {
	c.Flags().BoolVar(&a.dryRun, "dry-run", false, "say what would be done and what it takes, and stop")
}

// What Seconds are predicted from.
const (
	byRates = "typical rates"
	byPairs = "pairs of examples timed here"
)

// eigenSeconds is the time for the eigenvalues of a matrix: 0.4 s for 2000 rows on
// two cores.
func eigenSeconds(rows float64) float64 {
	k := rows / 2000
	return 0.4 * k * k * k
}

// planSeconds is the time that a plan predicts.
func planSeconds(p *empirical.Plan) float64 {
	sum := p.JacobianFLOPs / jacobianRate
	for _, w := range p.Weights {
		sum += w.Seconds
	}
	return sum
}

func (a *app) printDryRun(r dryRun, budget machine.Budget) error {
	a.flushNotices()
	r.Schema, r.Command, r.Budget, r.BudgetSource = "ntk/dry-run/1", a.command(), budget.Bytes, budget.Source
	if r.Basis == "" {
		r.Basis = byRates
	}
	if a.json {
		return a.printJSON(r)
	}
	time := fmt.Sprintf("about %.2g s, by %s", r.Seconds, r.Basis)
	if r.Basis != byPairs {
		time += ", with compilation some seconds more"
	}
	out := r.Out
	if out == "" {
		out = "none: nothing is written"
	}
	return a.printTables([]report.Table{{
		Caption: "Nothing was computed; this is what it would take",
		Columns: []report.Column{{Name: "what"}, {Name: "value"}},
		Rows: [][]string{
			{"work", r.Work},
			{"time", time},
			{"memory", fmt.Sprintf("%s of %s (%s)", machine.FormatBytes(r.Memory), machine.FormatBytes(r.Budget), r.BudgetSource)},
			{"disk", machine.FormatBytes(r.Disk)},
			{"out", out},
		},
	}})
}

// dryGram says what gram would take.
func (a *app) dryGram(g *gramFlags, s *study, p *empirical.Plan) error {
	entries := float64(p.N1) * float64(p.N2)
	switch {
	case p.Pairs:
		entries = float64(p.N1)
	case g.packed:
		entries = float64(p.N1) * float64(p.N1+1) / 2
	}
	switch p.Outputs {
	case empirical.Full:
		entries *= float64(p.O) * float64(p.O)
	case empirical.Diagonal:
		entries *= float64(p.O)
	}
	size := 8.0
	if g.study.compute.dtype == "float32" {
		size = 4
	}
	terms := float64(1 + len(p.Terms()))
	what := "tiles"
	if p.Pairs {
		what = "blocks"
	}
	work, seconds := fmt.Sprintf("Θ %s of %s on %d examples: %d weights, %d %s", p.Outputs, s.source.Name, p.N1, p.Parameters, p.Tiles, what), planSeconds(p)
	if sh, err := parseShard(g.shard); err == nil && sh.count > 0 { // shards are about as dear as each other
		work = fmt.Sprintf("part %s of %s", sh, work)
		entries, seconds = entries/float64(sh.count), seconds/float64(sh.count)
	}
	return a.printDryRun(dryRun{
		Work: work, Seconds: seconds, Memory: p.Bytes, Disk: toBytes(entries * size * terms), Out: g.out,
	}, s.budget)
}

// dryDiagnose says what diagnose would take; rows are those of a matrix.
func (a *app) dryDiagnose(d *diagnoseFlags, s *study, depths []int, outputs empirical.Outputs, rows int) error {
	if len(depths) == 0 {
		depths = []int{0}
	}
	matrix := 8 * float64(rows) * float64(rows)
	r := dryRun{Out: d.out, Work: fmt.Sprintf("%s: %d depths of %d seeds, each a matrix of %d rows and its eigenvalues", s.source.Name, len(depths), d.seeds, rows)}
	last := 0.0
	for _, depth := range depths {
		f, err := s.network(depth)
		if err != nil {
			return err
		}
		p, err := f.Plan(s.set.Len(), 0, s.options(outputs))
		_ = f.Close()
		if err != nil {
			return err
		}
		last = float64(d.seeds) * (planSeconds(p) + eigenSeconds(float64(rows)))
		r.Seconds += last
		r.Memory = max(r.Memory, p.Bytes+toBytes(matrix*float64(2+len(depths))))
	}
	if d.remedies { // each about as dear as the last depth
		r.Seconds += float64(len(models.Remedies())) * last
		r.Work += fmt.Sprintf("; %d remedies", len(models.Remedies()))
	}
	if d.out != "" {
		r.Disk = toBytes(matrix * float64(len(depths)) * float64(d.seeds))
	}
	return a.printDryRun(r, s.budget)
}

// drySpectrum says what the spectrum of a matrix of k rows would take; p is the
// plan for a network's, nil for that of a file.
func (a *app) drySpectrum(of string, k int64, outputs int, p *empirical.Plan, budget machine.Budget) error {
	r := dryRun{Work: fmt.Sprintf("%d eigenvalues of %s", k, of), Seconds: eigenSeconds(float64(k)), Memory: spectrumBytes(k, outputs, 0)}
	if p != nil {
		r.Seconds += planSeconds(p)
		r.Memory = max(r.Memory, p.Bytes)
	}
	return a.printDryRun(r, budget)
}
