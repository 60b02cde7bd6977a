package report

import (
	"io"
	"strings"
)

// WriteSVG writes a figure as a file of its own, which follows the reader's
// light or dark preference where an image may. Its notes are left out.
//
// It returns the errors of f.SVG.
func WriteSVG(w io.Writer, f Figure) error {
	if err := checkFigure(f); err != nil {
		return err
	}
	var b strings.Builder
	if err := f.SVG(&b, "plot"); err != nil {
		return err
	}
	head, body, _ := strings.Cut(b.String(), ">") // attributes have it escaped
	_, err := io.WriteString(w, head+">\n<style>\n"+plotStyle+"svg.plot { background: var(--page); font-family: system-ui, sans-serif; }\n</style>\n"+body)
	return err
}
