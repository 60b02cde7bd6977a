package cmd

import (
	"strings"

	"github.com/gontk/ntk/internal/report"
)

// verdictInfo is a verdict with --json.
type verdictInfo struct {
	Level  string `json:"level"`
	Title  string `json:"title"`
	Text   string `json:"text,omitempty"`
	Remedy string `json:"remedy,omitempty"`
}

func describeVerdicts(list []report.Verdict) (out []verdictInfo) {
	for _, v := range list {
		out = append(out, verdictInfo{v.Level.String(), v.Title, v.Text, v.Remedy})
	}
	return out
}

// tell prints verdicts, each in a line.
func (a *app) tell(list []report.Verdict) error {
	for _, v := range list {
		text := v.Level.String() + ": " + sentence(v.Title)
		if v.Text != "" {
			text += " " + v.Text
		}
		if v.Remedy != "" {
			text += " Remedy: " + sentence(v.Remedy)
		}
		if err := a.println(text); err != nil {
			return err
		}
	}
	return nil
}

// sentence ends a text with a full stop.
func sentence(text string) string { return strings.TrimSuffix(text, ".") + "." }

// tellAll prints tables, and verdicts below.
func (a *app) tellAll(tables []report.Table, verdicts []report.Verdict) error {
	if len(tables) > 0 {
		if err := a.printTables(tables); err != nil {
			return err
		}
		if err := a.println(); err != nil {
			return err
		}
	}
	return a.tell(verdicts)
}
