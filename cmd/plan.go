package cmd

import "github.com/gontk/ntk/empirical"

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
