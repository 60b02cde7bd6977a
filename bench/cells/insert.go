package cells

import (
	"fmt"
	"os"
	"strings"

	"github.com/gontk/ntk/internal/durable"
)

// Insert puts text into a document, in place of what stands between the lines
//
//	<!-- written by make TARGET -->
//	<!-- end -->
//
// of a target. It returns an error if they are not there.
func Insert(path, target, text string) error {
	opening, closing := fmt.Sprintf("<!-- written by make %s -->\n", target), "<!-- end -->\n"
	all, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(all), opening)
	_, after, ok2 := strings.Cut(rest, closing)
	if !ok || !ok2 {
		return fmt.Errorf("%s: the lines %q and %q are missing", path, strings.TrimSpace(opening), strings.TrimSpace(closing))
	}
	return durable.Write(path, []byte(before+opening+text+closing+after))
}
