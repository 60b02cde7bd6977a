package cmd

import (
	"fmt"
	"strings"

	"github.com/gontk/ntk/empirical"
)

// planInfo is a plan in JSON.
type planInfo struct {
	N1               int                    `json:"n1"`
	N2               int                    `json:"n2"`
	Outputs          int                    `json:"outputs"`
	Reduction        string                 `json:"reduction"`
	Pairs            bool                   `json:"pairs,omitempty"`
	Heads            []empirical.Head       `json:"heads,omitempty"`
	Parameters       int                    `json:"parameters"`
	Block            int                    `json:"block"`
	Tiles            int                    `json:"tiles"`
	Bytes            int64                  `json:"bytes"`
	Budget           int64                  `json:"budget"`
	BudgetSource     string                 `json:"budget_source"`
	JacobianFLOPs    float64                `json:"jacobian_flops"`
	ContractionFLOPs float64                `json:"contraction_flops"`
	Weights          []empirical.WeightPlan `json:"weights"`
}

func describePlan(p *empirical.Plan) planInfo {
	return planInfo{
		p.N1, p.N2, p.O, p.Outputs.String(), p.Pairs, severalHeads(p), p.Parameters, p.Block, p.Tiles, p.Bytes,
		p.Budget.Bytes, p.Budget.Source, p.JacobianFLOPs, p.ContractionFLOPs, p.Weights,
	}
}

// severalHeads returns the outputs of a network that returns several, nil for one.
func severalHeads(p *empirical.Plan) []empirical.Head {
	if len(p.Heads) < 2 {
		return nil
	}
	return p.Heads
}

// timesText compares what the plan predicted with what was measured, a line for
// each weight.
func timesText(g *empirical.Gram) string {
	if g.Plan.Weights[0].Way == empirical.Products.String() {
		return "products are of all weights at once: no times of single weights to compare with the plan's"
	}
	if g.Times == nil {
		return "tiles of an earlier run were used: no times to compare with the plan's"
	}
	var b strings.Builder
	b.WriteString("contraction by weight, seconds predicted and measured:")
	predicted, actual := 0.0, 0.0
	for _, t := range g.Times {
		fmt.Fprintf(&b, "\n  %-32s %9.3g %9.3g", t.Weight, t.Predicted, t.Actual)
		predicted, actual = predicted+t.Predicted, actual+t.Actual
	}
	fmt.Fprintf(&b, "\n  %-32s %9.3g %9.3g", "all", predicted, actual)
	return b.String()
}
