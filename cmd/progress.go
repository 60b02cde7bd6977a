package cmd

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/gontk/ntk/empirical"
)

// progressEvery is how often a plain line reports progress; tests want every one.
var progressEvery = 5 * time.Second

// progressUnits is how finely a bar shows the fraction that is done.
const progressUnits = 1000

// A progress shows on stderr how far a computation is: a bar with the time left
// on a terminal, else a plain line now and then.
type progress struct {
	w     io.Writer // nil: silent
	bar   *progressbar.ProgressBar
	last  time.Time // of a plain line
	clock func() time.Time

	// The time left is judged by what was done since the first report: what an
	// earlier run left, or compilation, say nothing of it.
	began time.Time
	from  float64
}

func (a *app) newProgress() *progress {
	p := &progress{clock: time.Now}
	p.last = p.clock()
	if a.quiet {
		return p
	}
	p.w = a.stderr
	if a.isTerminal(a.stderr) {
		p.bar = progressbar.NewOptions(progressUnits,
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionSetPredictTime(false), // ours knows what an earlier run left
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionFullWidth(),
			progressbar.OptionThrottle(100*time.Millisecond),
		)
	}
	return p
}

// update says which fraction is done, between 0 and 1, and of what.
func (p *progress) update(fraction float64, what string) {
	if p.w == nil {
		return
	}
	now := p.clock()
	if p.began.IsZero() {
		p.began, p.from = now, fraction
	}
	left := ""
	if took := now.Sub(p.began); fraction > p.from && took >= 0 { // a clock may be set back
		d := time.Duration(float64(took) * (1 - fraction) / (fraction - p.from))
		left = fmt.Sprintf(", about %s left", d.Round(time.Second))
	}
	if p.bar != nil {
		p.bar.Describe(what + left)
		_ = p.bar.Set(int(fraction * progressUnits))
		return
	}
	if now.Sub(p.last) < progressEvery {
		return
	}
	p.last = now
	_, _ = fmt.Fprintf(p.w, "ntk: %s: %.0f%%%s\n", what, 100*fraction, left)
}

// tiles hears of the tiles of a Gram matrix.
func (p *progress) tiles(e empirical.Progress) {
	p.update(float64(e.Done)/float64(max(1, e.Total)), fmt.Sprintf("tile %d of %d", e.Done, e.Total))
}

// done takes the bar away.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
