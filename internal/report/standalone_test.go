package report_test

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"

	"github.com/gontk/ntk/internal/report"
)

// TestWriteSVG reads a figure's file as XML: one element, with the palettes of
// both preferences inside, and nothing from outside.
func TestWriteSVG(t *testing.T) {
	var b strings.Builder
	l := report.Line{Title: "a > b & c", Series: []report.Series{{Name: "s", Y: []float64{1, 2}}}}
	if err := report.WriteSVG(&b, l); err != nil {
		t.Fatal(err)
	}
	d := xml.NewDecoder(strings.NewReader(b.String()))
	depth, roots, style := 0, 0, ""
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch e := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			if depth++; e.Name.Local == "style" {
				if err := d.DecodeElement(&style, &e); err != nil {
					t.Fatal(err)
				}
				depth--
			}
		case xml.EndElement:
			depth--
		}
	}
	if roots != 1 || !strings.Contains(style, "prefers-color-scheme: dark") || !strings.Contains(style, "--s1:") {
		t.Errorf("%d elements, style %q", roots, style)
	}
	if rest := strings.Replace(b.String(), `"http://www.w3.org/2000/svg"`, "", 1); strings.Contains(rest, "http") || strings.Contains(rest, "url(") {
		t.Error("it refers to something outside")
	}
	if err := report.WriteSVG(io.Discard, nil); err == nil {
		t.Error("no error for no figure")
	}
}
