package diagnose

// A Judgement is what the verdict on the networks of a depth rests on. Numbers are
// means over seeds, nil where they are not measured.
type Judgement struct {
	// Left is the share of the loss that the kernel at the start leaves, Growth that of
	// squared gradients from the last hidden layer to the first, Correlation that of
	// examples at the last.
	Left, Growth, Correlation *float64
	// Regime of the signal, and Verdict; in words.
	Regime, Verdict string
}

// Judge judges a depth.
func (d *Depth) Judge() Judgement {
	j, _ := d.judge()
	out := Judgement{Verdict: string(j)}
	if o, ok := d.outlook(); ok {
		out.Left = finite(o.left)
	}
	if p, ok := d.propagate(); ok {
		out.Growth, out.Correlation, out.Regime = finite(p.growth), finite(p.lastCorrelation), string(p.regime())
	}
	return out
}
