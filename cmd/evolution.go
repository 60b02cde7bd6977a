package cmd

import (
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
	"github.com/gontk/ntk/train"
)

// evolution is what evolve prints with --json.
type evolution struct {
	Schema  string          `json:"schema"`
	Command string          `json:"command"`
	Version version         `json:"version"`
	Backend backendInfo     `json:"backend"`
	BLAS    string          `json:"blas"`
	Machine machine.Summary `json:"machine"`
	Model   string          `json:"model"`
	Data    string          `json:"data"`
	Result  *train.Result   `json:"result"`
	Out     string          `json:"out,omitempty"`
	Files   []string        `json:"files,omitempty"`
	// Incomplete says why points are missing; empty means none are.
	Incomplete string `json:"incomplete,omitempty"`
	// NotFinite says where the network gave NaN or an infinity.
	NotFinite *notFiniteInfo `json:"not_finite,omitempty"`
}

// presentEvolution writes the files and prints the result. err is why points are
// missing, nil if none are.
func (a *app) presentEvolution(w *evolutionFiles, r *train.Result, err error) error {
	incomplete := ""
	if err != nil {
		incomplete = oneLine(err.Error())
	}
	if w.flags.out != "" {
		if err := w.write(r, incomplete); err != nil {
			return err
		}
	}
	if a.json {
		return a.printJSON(evolution{
			Schema: "ntk/evolve/1", Command: a.command(), Version: thisVersion(),
			Backend: backendInfo{w.study.backend.Kind, w.study.backend.API}, BLAS: w.study.blas.Name(), Machine: machine.Describe(),
			Model: w.study.source.Name, Data: w.study.set.Describe(), Result: r, Out: w.flags.out, Files: w.manifest.Files,
			Incomplete: incomplete, NotFinite: describeNotFinite(err),
		})
	}
	var tables []report.Table
	if len(r.Points) > 0 {
		tables = r.Tables()
	}
	if err := a.tellAll(tables, r.Verdicts()); err != nil {
		return err
	}
	if w.flags.out != "" {
		return a.println("\nreport: " + w.report())
	}
	return nil
}
