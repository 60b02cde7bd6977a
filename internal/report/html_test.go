package report_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gontk/ntk/internal/report"
)

func html(t *testing.T, r *report.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wellFormed checks the page's nesting; void elements close themselves.
func wellFormed(t *testing.T, page string) {
	t.Helper()
	// The decoder knows no raw text elements; the style sheet has no markup.
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict = false
	d.AutoClose = []string{"meta", "link"}
	d.Entity = xml.HTMLEntity
	depth := 0
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch token.(type) {
		case xml.StartElement:
			depth++
		case xml.EndElement:
			depth--
		}
	}
	if depth != 0 {
		t.Errorf("%d elements are not closed", depth)
	}
}

func TestHTMLSelfContained(t *testing.T) {
	page := html(t, sample())
	wellFormed(t, page)
	rest := strings.ReplaceAll(page, `xmlns="http://www.w3.org/2000/svg"`, "")
	for _, bad := range []string{"http://", "https://", "<script", "@import", "url(", "javascript:", "//cdn"} {
		if strings.Contains(rest, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "data:") {
			t.Errorf("the page refers to %q", m[1])
		}
	}
	if page != html(t, sample()) {
		t.Error("equal content gives different bytes")
	}
}

// Every plot has a role, a title and a description; ids are unique and every
// reference has its target; every figure's data is there as a table.
func TestHTMLAccessible(t *testing.T) {
	page := html(t, sample())
	ids := map[string]int{}
	for _, m := range regexp.MustCompile(` id="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if ids[m[1]]++; ids[m[1]] > 1 {
			t.Errorf("id %q twice", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`(?:aria-labelledby="|href="#)([^"]*)"`).FindAllStringSubmatch(page, -1) {
		for _, id := range strings.Fields(m[1]) {
			if ids[id] != 1 {
				t.Errorf("reference to %q, which is not there", id)
			}
		}
	}
	plots := strings.Count(page, `<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" aria-labelledby=`)
	if tables := strings.Count(page, "<details>"); plots != 6 || tables != 6 {
		t.Errorf("%d accessible plots and %d data tables, want 6", plots, tables)
	}
	for _, want := range []string{`<html lang="en">`, `name="viewport"`, `<th scope="col"`, "prefers-color-scheme: dark", "@media print"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

func TestHTMLEscapes(t *testing.T) {
	const evil = `</title></style><script>alert("1")</script><img src=x onerror='a'>&` + "\x00\x1b\xff"
	group := []report.Group{{Name: evil, Size: 2}}
	r := &report.Report{
		Title: evil, Subtitle: evil, Command: evil, Facts: []report.Fact{{Name: evil, Value: evil}},
		Sections: []report.Section{{
			Title: evil, Text: evil,
			Verdicts: []report.Verdict{{Title: evil, Text: evil, Remedy: evil}},
			Tables:   []report.Table{{Caption: evil, Columns: []report.Column{{Name: evil, Unit: evil}}, Rows: [][]string{{evil}}}},
			Figures: []report.Figure{
				report.Line{
					Title: evil, Alt: evil, X: report.Axis{Label: evil, Unit: evil}, Y: report.Axis{Label: evil, Log: true},
					Series: []report.Series{{Name: evil, Y: []float64{1, -1}}, {Name: evil, Y: []float64{1, 2}}},
				},
				report.Heatmap{
					Title: evil, Rows: 2, Cols: 2, Values: make([]float64, 4), RowLabel: evil, ColLabel: evil, Label: evil, Unit: evil,
					RowGroups: group, ColGroups: group,
				},
				report.Bars{Title: evil, Label: evil, Unit: evil, Items: []report.Bar{{Label: evil, Value: 1}}},
			},
		}},
	}
	page := html(t, r)
	wellFormed(t, page)
	for _, bad := range []string{"<script", "<img", "alert(\"", "\x1b"} {
		if strings.Contains(page, bad) {
			t.Errorf("the page contains %q", bad)
		}
	}
	for i, f := range r.Sections[0].Figures {
		var svg strings.Builder
		if err := f.SVG(&svg, "id"); err != nil {
			t.Fatal(err)
		}
		// An XML decoder is strict about what HTML forgives.
		if err := xml.Unmarshal([]byte(svg.String()), new(struct{})); err != nil {
			t.Errorf("figure %d: %v", i, err)
		}
	}
}

func TestHTMLRefuses(t *testing.T) {
	var nilLine *report.Line
	for name, s := range map[string]report.Section{
		"nil figure":   {Figures: []report.Figure{nil}},
		"nil pointer":  {Figures: []report.Figure{nilLine}},
		"bad line":     {Figures: []report.Figure{report.Line{Series: []report.Series{{X: []float64{1}}}}}},
		"ragged table": {Tables: []report.Table{{Columns: []report.Column{{}}, Rows: [][]string{{}}}}},
	} {
		var b bytes.Buffer
		r := report.Report{Sections: []report.Section{s}}
		if err := r.WriteHTML(&b); !errors.Is(err, report.ErrInvalid) || b.Len() != 0 {
			t.Errorf("%s: error %v after %d bytes, want ErrInvalid and none", name, err, b.Len())
		}
	}
}

func TestHTMLMinimal(t *testing.T) {
	page := html(t, &report.Report{Title: "T"})
	wellFormed(t, page)
	for _, absent := range []string{"<nav", "<dl", "<pre", "<time", "<section"} {
		if strings.Contains(page, absent) {
			t.Errorf("an empty report has a %s", absent)
		}
	}
	page = html(t, &report.Report{Title: "T", Generated: time.Date(2025, 3, 1, 12, 0, 0, 0, time.UTC)})
	if !strings.Contains(page, `<time datetime="2025-03-01T12:00:00Z">1 March 2025, 12:00 UTC</time>`) {
		t.Error("the time is missing")
	}
}

// A 1000 × 1000 matrix of noise, which compresses worst, and a spectrum of
// 10000 stay well below 2 MB.
func TestHTMLSize(t *testing.T) {
	h := report.Heatmap{Rows: 1000, Cols: 1000, Values: make([]float64, 1e6)}
	state := uint64(1)
	for i := range h.Values {
		state = state*6364136223846793005 + 1442695040888963407
		h.Values[i] = float64(state >> 40)
	}
	y := make([]float64, 10000)
	for i := range y {
		y[i] = 1 / float64(i+1)
	}
	l := report.Line{X: report.Axis{Log: true}, Y: report.Axis{Log: true}, Series: []report.Series{{Y: y}}}
	page := html(t, &report.Report{Title: "T", Sections: []report.Section{{Figures: []report.Figure{h, l}}}})
	if len(page) > 300<<10 {
		t.Errorf("the page has %d bytes, want at most 300 kB", len(page))
	}
}

func BenchmarkWriteHTML(b *testing.B) {
	r := sample()
	for b.Loop() {
		if err := r.WriteHTML(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
