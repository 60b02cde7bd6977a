package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
	"unicode"
)

//go:embed page.html
var pageSource string

//go:embed page.css
var pageStyle string

// plotStyle has the palettes, and what draws a plot.
//
//go:embed plot.css
var plotStyle string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"paragraphs": paragraphs,
	"align":      align,
	"heading":    Column.heading,
	"level":      levelClass,
}).Parse(pageSource))

// pageData is what page.html shows.
type pageData struct {
	Report
	Style    template.CSS
	Sections []sectionData
	Contents bool
	Time     string // RFC 3339, empty without a time
	TimeText string
}

type sectionData struct {
	Section
	ID      string
	Figures []figureData
}

type figureData struct {
	Description
	ID     string
	Number int
	SVG    template.HTML
	Table  *Table
}

// WriteHTML writes the report as one HTML file that needs nothing else: styles
// and plots are inside, there are no scripts, and a content security policy
// forbids every request. All text is escaped; control characters and invalid
// UTF-8 become U+FFFD.
//
// It returns [ErrInvalid] if a figure's or table's content is inconsistent, and
// then writes nothing; otherwise the writer's error.
//
// A report of ten plots takes 200 to 500 kB. Plots and tables are bounded
// (256 × 256 cells, 1000 rows, 60 bars); tables given in Section.Tables are
// written whole.
func (r *Report) WriteHTML(w io.Writer) error {
	d := pageData{Report: *r, Style: template.CSS(plotStyle + pageStyle), Contents: len(r.Sections) >= 3}
	if !r.Generated.IsZero() {
		d.Time = r.Generated.Format(time.RFC3339)
		d.TimeText = r.Generated.Format("2 January 2006, 15:04 MST")
	}
	number := 0
	for i, s := range r.Sections {
		section := sectionData{Section: s, ID: fmt.Sprintf("section-%d", i+1)}
		for j := range s.Tables {
			if err := s.Tables[j].check(); err != nil {
				return fmt.Errorf("section %q: %w", s.Title, err)
			}
		}
		for _, f := range s.Figures {
			number++
			figure, err := newFigure(f, number)
			if err != nil {
				return fmt.Errorf("section %q: %w", s.Title, err)
			}
			section.Figures = append(section.Figures, figure)
		}
		d.Sections = append(d.Sections, section)
	}
	var b bytes.Buffer
	if err := page.Execute(&b, d); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	// The template escapes markup but lets control characters through, which
	// HTML forbids.
	_, err := w.Write(bytes.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return unicode.ReplacementChar
		}
		return r
	}, b.Bytes()))
	return err
}

func newFigure(f Figure, number int) (figureData, error) {
	if err := checkFigure(f); err != nil {
		return figureData{}, err
	}
	d := figureData{ID: fmt.Sprintf("figure-%d", number), Number: number}
	var svg strings.Builder
	if err := f.SVG(&svg, d.ID); err != nil {
		return d, err
	}
	// The canvas has escaped all text in it.
	d.SVG = template.HTML(svg.String())
	d.Description, d.Table = f.Describe(), f.Table()
	if d.Table != nil {
		if err := d.Table.check(); err != nil {
			return d, err
		}
	}
	return d, nil
}

// paragraphs splits text at blank lines.
func paragraphs(text string) (out []string) {
	for _, p := range strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n\n") {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out
}

// align returns the class of a column's cells.
func align(columns []Column, i int) string {
	if columns[i].Align == Right {
		return "number"
	}
	return "text"
}

func levelClass(l Level) string {
	switch l {
	case Good:
		return "good"
	case Warning:
		return "warning"
	case Bad:
		return "bad"
	default:
		return "info"
	}
}
