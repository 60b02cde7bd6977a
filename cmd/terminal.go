package cmd

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/gontk/ntk/internal/report"
)

// isTerminal reports whether w is a terminal that people look at.
func (a *app) isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && a.env("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
}

// printTables writes tables to stdout, separated by blank lines.
func (a *app) printTables(tables []report.Table) error {
	width, color := 0, false
	if a.isTerminal(a.stdout) {
		color = a.env("NO_COLOR") == ""
		if w, _, err := term.GetSize(int(a.stdout.(*os.File).Fd())); err == nil {
			width = w
		}
	}
	for i := range tables {
		if i > 0 {
			if err := a.println(); err != nil {
				return err
			}
		}
		if err := tables[i].WriteText(a.stdout, width, color); err != nil {
			return err
		}
	}
	return nil
}

// printJSON writes v to stdout.
func (a *app) printJSON(v any) error {
	text, err := encodeJSON(v)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(text)
	return err
}

// encodeJSON returns v indented, with a newline at the end.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("writing JSON: %w", err)
	}
	return b.Bytes(), nil
}

func (a *app) println(args ...any) error {
	_, err := fmt.Fprintln(a.stdout, args...)
	return err
}

// notice keeps a line for stderr until the input has been found good, so that
// bad input gives one line and not two.
func (a *app) notice(line string) { a.notices = append(a.notices, line) }

// flushNotices writes what notice kept.
func (a *app) flushNotices() {
	for _, n := range a.notices {
		a.say("%s", n)
	}
	a.notices = nil
}

// say writes a line to stderr unless --quiet.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		_, _ = fmt.Fprintf(a.stderr, "ntk: %s\n", oneLine(fmt.Sprintf(format, args...)))
	}
}

// detail writes lines to stderr with --verbose.
func (a *app) detail(text string) {
	if a.verbose && !a.quiet {
		_, _ = fmt.Fprintln(a.stderr, text)
	}
}
