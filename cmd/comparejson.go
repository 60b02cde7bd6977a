package cmd

import (
	"time"

	"github.com/gontk/ntk/limits"
)

// comparison is what compare prints with --json.
type comparison struct {
	Schema   string        `json:"schema"`
	Command  string        `json:"command"`
	Version  version       `json:"version"`
	Backend  backendInfo   `json:"backend"`
	BLAS     string        `json:"blas"`
	DType    string        `json:"dtype"`
	Model    string        `json:"model"`
	Data     string        `json:"data"`
	Examples int           `json:"examples"`
	Outputs  int           `json:"outputs"`
	Seed     uint64        `json:"seed"`
	Seeds    int           `json:"seeds"`
	Refusal  string        `json:"refusal,omitempty"`
	Warnings []string      `json:"warnings"`
	Kernels  []agreement   `json:"kernels"`
	Verdicts []verdictInfo `json:"verdicts"`
	Out      string        `json:"out,omitempty"`
	Files    []string      `json:"files,omitempty"`
	Seconds  float64       `json:"seconds"`
}

type agreement struct {
	Kernel    string           `json:"kernel"`
	Growth    int              `json:"growth"`
	Widths    []widthAgreement `json:"widths"`
	Deviation powerInfo        `json:"deviation_power"`
	Noise     powerInfo        `json:"noise_power"`
	Expected  *float64         `json:"expected_max"`
	Fit       *widthFit        `json:"fit,omitempty"`
}

type widthAgreement struct {
	Width     int        `json:"width"`
	Draws     int        `json:"draws"`
	Deviation *float64   `json:"deviation"`
	DevError  *float64   `json:"deviation_error"`
	Noise     *float64   `json:"noise"`
	NoiseErr  *float64   `json:"noise_error"`
	Bias      *float64   `json:"bias"`
	BiasError *float64   `json:"bias_error"`
	Scores    scoresInfo `json:"scores"`
	Unbiased  scoresInfo `json:"unbiased_scores"`
}

type scoresInfo struct {
	RMS *float64 `json:"rms"`
	Max *float64 `json:"max"`
	Row int      `json:"row"`
	Col int      `json:"col"`
}

type powerInfo struct {
	Exponent *float64 `json:"exponent"`
	Error    *float64 `json:"error"`
}

type widthFit struct {
	Limit       []*float64 `json:"limit"`
	LimitError  []*float64 `json:"limit_error"`
	Coefficient *float64   `json:"coefficient"`
	ChiSquare   *float64   `json:"chi_square"`
	Offset      scoresInfo `json:"offset_scores"`
}

func describeScores(s limits.Scores) scoresInfo {
	return scoresInfo{finite(s.RMS), finite(s.Max), s.Row, s.Col}
}

func describePower(p limits.Power) powerInfo { return powerInfo{finite(p.Exponent), finite(p.Error)} }

func describeAgreement(c *limits.Comparison, a *limits.Agreement) agreement {
	j := agreement{
		Kernel: string(a.Kernel), Growth: a.Growth, Deviation: describePower(a.Deviation), Noise: describePower(a.Noise),
		Expected: finite(a.Expected(c.N)),
	}
	for _, w := range a.Widths {
		j.Widths = append(j.Widths, widthAgreement{
			w.Width, w.Draws, finite(w.Deviation), finite(w.DeviationError), finite(w.Noise), finite(w.NoiseError),
			finite(w.Bias), finite(w.BiasError), describeScores(w.Scores), describeScores(w.Unbiased),
		})
	}
	if f := a.Fit; f != nil {
		j.Fit = &widthFit{Coefficient: finite(f.Coefficient), ChiSquare: finite(f.ChiSquare), Offset: describeScores(f.Offset)}
		for i := range f.Limit {
			j.Fit.Limit, j.Fit.LimitError = append(j.Fit.Limit, finite(f.Limit[i])), append(j.Fit.LimitError, finite(f.LimitError[i]))
		}
	}
	return j
}

func (a *app) printComparison(w *comparisonFiles, c *limits.Comparison, took time.Duration) error {
	s := w.study
	if a.json {
		j := comparison{
			Schema: "ntk/compare/1", Command: a.command(), Version: thisVersion(), Backend: backendInfo{s.backend.Kind, s.backend.API},
			BLAS: s.blas.Name(), DType: s.dtype.String(), Model: w.name, Data: s.set.Describe(), Examples: c.N, Outputs: c.O,
			Seed: w.flags.study.seed, Seeds: c.Seeds, Warnings: append([]string{}, c.Warnings...),
			Kernels: []agreement{describeAgreement(c, c.NTK), describeAgreement(c, c.NNGP)},
			Out:     w.flags.out, Files: w.files, Seconds: took.Seconds(),
		}
		if c.Refusal != nil {
			j.Refusal = c.Refusal.Reason
		}
		j.Verdicts = describeVerdicts(c.Verdicts())
		return a.printJSON(j)
	}
	if err := a.tellAll(c.Tables(), c.Verdicts()); err != nil {
		return err
	}
	if w.flags.out == "" {
		return nil
	}
	return a.println("\nreport: " + w.report())
}
