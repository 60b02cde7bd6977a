// Package report writes results for people: one self-contained HTML file with
// inline SVG plots, and tables for the terminal.
//
// The HTML file asks for nothing from outside itself: no script, no font, no
// style sheet. It follows the reader's light or dark preference, prints, and
// gives every plot a text alternative and its data as a table.
package report

import (
	"errors"
	"time"
)

// ErrInvalid is wrapped by every error about a report's own content: lengths
// that disagree, a table row with too few cells, an empty matrix.
var ErrInvalid = errors.New("report: invalid content")

// A Report is one document, read from top to bottom.
type Report struct {
	// Title is required; it is also the title of the browser's tab.
	Title string
	// Subtitle is one line below the title; empty means none.
	Subtitle string
	// Command is the command line that made the report; empty means none.
	Command string
	// Facts say what was run on what: versions, machine, data, seeds, times.
	Facts []Fact
	// Sections follow in order. Three or more get a table of contents.
	Sections []Section
	// Generated is when the report was made; the zero time is left out, so
	// that equal content gives equal bytes.
	Generated time.Time
}

// A Fact is one line of a report's head.
type Fact struct {
	Name, Value string
}

// A Section shows its verdicts, text, tables and figures, in that order.
type Section struct {
	Title string
	// Text is plain text; blank lines separate paragraphs.
	Text     string
	Verdicts []Verdict
	Tables   []Table
	Figures  []Figure
}

// Level says how good or bad a [Verdict] is.
type Level int

// The levels, from neutral to worst.
const (
	Info Level = iota
	Good
	Warning
	Bad
)

// String returns the word that readers see, so that colour is never the only
// carrier of the meaning.
func (l Level) String() string {
	switch l {
	case Good:
		return "Good"
	case Warning:
		return "Warning"
	case Bad:
		return "Problem"
	default:
		return "Note"
	}
}

// A Verdict is one conclusion, with what it rests on and what to do about it.
type Verdict struct {
	Level Level
	// Title is the conclusion in one line.
	Title string
	// Text is the evidence; empty means none.
	Text string
	// Remedy is what to do; empty means nothing.
	Remedy string
}
