package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Exit statuses; 75 is EX_TEMPFAIL of sysexits.h: try again.
const (
	exitFailure     = 1
	exitUsage       = 2
	exitInterrupted = 75
)

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// A usageError is about the command line itself.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// flagError turns what the flag parser says into one line.
func flagError(c *cobra.Command, err error) error {
	text := err.Error()
	if invalid := (*pflag.InvalidValueError)(nil); errors.As(err, &invalid) {
		text = fmt.Sprintf("--%s %q: want %s", invalid.GetFlag().Name, invalid.GetValue(), wanted(invalid.GetFlag()))
	}
	if name, ok := strings.CutPrefix(text, "unknown flag: "); ok {
		var names []string
		for _, l := range strings.Fields(c.UsageString()) {
			if strings.HasPrefix(l, "--") {
				names = append(names, strings.Trim(l, ",."))
			}
		}
		text += nearest(name, names)
	}
	return usagef("%s; see %s --help", text, c.CommandPath())
}

// fail writes the one line of a failure and returns its exit status.
func (a *app) fail(err error) int {
	usage := errors.As(err, &usageError{})
	text := err.Error()
	if usage {
		text = a.settings.blame(text)
	}
	_, _ = fmt.Fprintf(a.stderr, "ntk: %s\n", oneLine(text))
	if usage {
		return exitUsage
	}
	return exitFailure
}

// interrupted says how to go on after ctx ended.
func (a *app) interrupted(ctx context.Context, err error) int {
	text := context.Cause(ctx).Error()
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		text = "interrupted: " + text
	}
	if !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, ctx.Err()) {
		text += ": " + err.Error()
	}
	if a.resume != "" {
		text += "; " + a.resume
	}
	_, _ = fmt.Fprintf(a.stderr, "ntk: %s\n", oneLine(text))
	return exitInterrupted
}

// oneLine joins the lines of a text, and drops what no terminal should see.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// internalError describes a panic, with the place that it came from.
func internalError(r any) error {
	at := ""
	pc := make([]uintptr, 256)
	frames := runtime.CallersFrames(pc[:runtime.Callers(1, pc)])
	for next, more := false, true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			next = true
		case next && !strings.HasPrefix(f.Function, "runtime."):
			// The last one stands: where a panic was passed on, its origin is
			// further down.
			at = fmt.Sprintf(" at %s:%d", filepath.Join(filepath.Base(filepath.Dir(f.File)), filepath.Base(f.File)), f.Line)
			next = false
		}
	}
	return fmt.Errorf("internal error: %v%s; please report this with the command line and the output of \"ntk version\"", r, at)
}

// nearest returns " (did you mean …?)" if one of names is close to name.
func nearest(name string, names []string) string { return closest(name, names, max(2, len(name)/3)) }

// closest is nearest with a limit on how many letters may differ.
func closest(name string, names []string, limit int) string {
	best, at := "", 1+limit
	for _, n := range names {
		if d := distance(strings.ToLower(name), strings.ToLower(n)); d < at {
			best, at = n, d
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf(" (did you mean %q?)", best)
}

// distance is Levenshtein's, in bytes.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
