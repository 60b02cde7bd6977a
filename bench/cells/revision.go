package cells

import (
	"context"
	"os/exec"
	"strings"
)

// Revision is the commit of the folder that this runs in, "unknown" if it is none.
func Revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty", "--abbrev=12").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}
