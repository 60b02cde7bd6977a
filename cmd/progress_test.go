package cmd

import (
	"bytes"
	"testing"
	"time"

	"github.com/gontk/ntk/empirical"
)

// TestTimeLeft resumes at 40 of 100 tiles, and does one in two seconds.
func TestTimeLeft(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1000, 0)
	p := &progress{w: &out, clock: func() time.Time { return now }, last: now}
	for done := 40; done <= 50; done++ {
		p.tiles(empirical.Progress{Done: done, Total: 100})
		now = now.Add(2 * time.Second)
	}
	// Lines come no closer than 5 s, thus at tiles 43, 46 and 49.
	const want = "ntk: tile 43 of 100: 43%, about 1m54s left\n" +
		"ntk: tile 46 of 100: 46%, about 1m48s left\n" +
		"ntk: tile 49 of 100: 49%, about 1m42s left\n"
	if out.String() != want {
		t.Errorf("progress\n%swant\n%s", out.String(), want)
	}
}
