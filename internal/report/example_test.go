package report_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"github.com/gontk/ntk/internal/report"
)

// sample is a report with every kind of content, from formulas and a seed.
func sample() *report.Report {
	const n = 600
	rng := rand.New(rand.NewPCG(1, 2))
	relu, erf := make([]float64, n), make([]float64, n)
	for i := range n {
		relu[i] = 4e5 * math.Pow(float64(i+1), -1.3) * math.Exp(0.05*rng.NormFloat64())
		erf[i] = 2e5 * math.Pow(float64(i+1), -1.9)
	}
	erf[n-1] = -3e-9 // rounding: left out of a logarithmic plot, and said so

	depth := []float64{1, 2, 4, 8, 16, 32, 64}
	condition := report.Series{Name: "ReLU, σ² = 2", X: depth}
	ordered := report.Series{Name: "ReLU, σ² = 1.5", X: depth}
	chaotic := report.Series{Name: "tanh, σ² = 2.5", X: depth, Band: true}
	for i, d := range depth {
		condition.Y = append(condition.Y, 900/d+3)
		condition.Low = append(condition.Low, 700/d+2)
		condition.High = append(condition.High, 1100/d+4)
		ordered.Y = append(ordered.Y, 1200*math.Pow(d, 0.8))
		ordered.Low = append(ordered.Low, 1200*math.Pow(d, 0.8)*0.7)
		ordered.High = append(ordered.High, 1200*math.Pow(d, 0.8)*1.4)
		chaotic.Y = append(chaotic.Y, 60/math.Pow(1.3, float64(i)))
		chaotic.Low = append(chaotic.Low, 45/math.Pow(1.4, float64(i)))
		chaotic.High = append(chaotic.High, 80/math.Pow(1.25, float64(i)))
	}

	gram := report.Heatmap{
		Title: "Mean NTK of 600 ordered examples", Rows: n, Cols: n,
		RowLabel: "example", ColLabel: "example", Label: "Θ", Unit: "f²/θ²",
	}
	for i := range n {
		for j := range n {
			v := 2e4 + 8e3*math.Cos(float64(i-j)/40) + 500*rng.NormFloat64()
			if i/60 == j/60 {
				v += 2e4
			}
			gram.Values = append(gram.Values, v)
		}
	}
	for _, name := range []string{"T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"} {
		gram.RowGroups = append(gram.RowGroups, report.Group{Name: name, Size: 60})
	}
	gram.ColGroups = gram.RowGroups

	signed := report.Heatmap{Title: "Θ − limit, 12 examples", Rows: 12, Cols: 12, RowLabel: "example", ColLabel: "example", Label: "difference"}
	for i := range 144 {
		signed.Values = append(signed.Values, math.Sin(float64(i/12))*math.Cos(float64(i%12))*1e-3)
	}
	signed.Values[17] = math.NaN()

	shares := report.Bars{Title: "Share of the trace, by weight", Label: "share of tr Θ", Unit: "%"}
	for i, name := range []string{"/dense_0/weights", "/dense_0/biases", "/encoder/block_11/multi_head_attention/query/weights", "/readout/weights", "/readout/biases"} {
		shares.Items = append(shares.Items, report.Bar{Label: name, Value: []float64{41.7, 2.31, 38.25, 17.5, 0.24}[i]})
	}

	times := report.Line{Title: "Loss of gradient descent", X: report.Axis{Label: "time", Unit: "s"}, Y: report.Axis{Label: "loss"}}
	for k, name := range []string{"mode 1", "mode 2", "mode 3", "mode 4", "mode 5", "a mode with an unusually long name"} {
		s := report.Series{Name: name}
		for i := range 41 {
			s.X = append(s.X, float64(i)*5e4)
			s.Y = append(s.Y, math.Exp(-float64(i)/(4+4*float64(k))))
		}
		times.Series = append(times.Series, s)
	}

	return &report.Report{
		Title:    "Kernel at initialization of mlp:784-512-512-10",
		Subtitle: "Fashion-MNIST, 600 examples, ReLU, NTK parameterization",
		Command:  "ntk diagnose --model mlp:784-512-512-10 --data fashion-mnist --examples 600 --seeds 10 --out report",
		Facts: []report.Fact{
			{Name: "version", Value: "ntk 0.1.0, GoMLX 0.26.0"},
			{Name: "machine", Value: "2 cores, 8 GB, no GPU"},
			{Name: "data", Value: "Fashion-MNIST, sha256 8f1c0f5e9d7b4a6c2e3f1a0b9c8d7e6f"},
			{Name: "seeds", Value: "0 to 9"},
			{Name: "time", Value: "41 s"},
		},
		Generated: time.Date(2025, 3, 1, 12, 30, 0, 0, time.UTC),
		Sections: []report.Section{
			{
				Title: "Verdict",
				Text:  "The kernel of the network at initialization, over ten seeds.\n\nAll numbers are of the mean kernel, so they have the scale of one output.",
				Verdicts: []report.Verdict{
					{Level: report.Good, Title: "The kernel is positive definite.", Text: "Its smallest eigenvalue is 3.1, 400 times what rounding explains."},
					{Level: report.Warning, Title: "Depth 64 is ill-conditioned.", Text: "Its condition number is 34000.", Remedy: "use σ² = 2, or at most 16 layers"},
					{Level: report.Bad, Title: "Gradient descent diverges at rate 0.1."},
					{Level: report.Info, Title: "Two seeds were left out."},
				},
				Tables: []report.Table{{
					Caption: "Kernel over 10 seeds",
					Columns: []report.Column{{Name: "quantity"}, {Name: "mean", Align: report.Right}, {Name: "standard error", Align: report.Right}, {Name: "meaning"}},
					Rows: [][]string{
						{"trace / N", "41230", "212", "mean squared norm of an example's gradient"},
						{"λ max", "4.1e5", "2100", "sets the largest stable learning rate"},
						{"condition", "1.3e5", "900", "sets how long the slowest mode takes"},
					},
				}},
			},
			{
				Title: "Spectrum and depth",
				Figures: []report.Figure{
					report.Line{
						Title: "Spectrum", X: report.Axis{Label: "index", Log: true}, Y: report.Axis{Label: "eigenvalue", Unit: "f²/θ²", Log: true},
						Series: []report.Series{{Name: "ReLU", Y: relu}, {Name: "erf", Y: erf}},
					},
					report.Line{
						Title: "Condition number against depth, mean and standard error over 10 seeds",
						X:     report.Axis{Label: "depth", Unit: "layers", Log: true}, Y: report.Axis{Label: "condition number λmax/λmin", Log: true},
						Series: []report.Series{condition, ordered, chaotic},
					},
					times,
				},
			},
			{Title: "Matrices", Figures: []report.Figure{gram, signed}},
			{Title: "Weights", Figures: []report.Figure{shares}},
		},
	}
}

func ExampleReport_WriteHTML() {
	var page bytes.Buffer
	if err := sample().WriteHTML(&page); err != nil {
		fmt.Println(err)
		return
	}
	// Set NTK_REPORT_SAMPLE to a file to look at the page in a browser.
	if path := os.Getenv("NTK_REPORT_SAMPLE"); path != "" {
		if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil {
			fmt.Println(err)
			return
		}
	}
	fmt.Println(bytes.Count(page.Bytes(), []byte("<figure")), "figures, below 2 MB:", page.Len() < 2<<20)
	// Output: 6 figures, below 2 MB: true
}

func ExampleTable_WriteText() {
	t := report.Table{
		Caption: "Ways",
		Columns: []report.Column{{Name: "weight"}, {Name: "time", Unit: "ms", Align: report.Right}},
		Rows:    [][]string{{"/dense/weights", "12.5"}, {"/bias", "0.25"}},
	}
	if err := t.WriteText(os.Stdout, 80, false); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Ways
	// weight          time (ms)
	// ──────────────  ─────────
	// /dense/weights       12.5
	// /bias                0.25
}
