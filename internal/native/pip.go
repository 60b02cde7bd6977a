package native

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// download fetches the wheel that p pins into dir. What pip prints appears
// only in the error.
func (in installer) download(ctx context.Context, p pin, dir string) error {
	args := []string{
		"-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
		"--no-deps", "--only-binary=:all:", "--dest", dir, p.pkg + "==" + p.version,
	}
	cmd := exec.CommandContext(ctx, in.python, args...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// A child of pip may hold the pipe open after pip was killed.
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	command := in.python + " " + strings.Join(args, " ")
	const advice = "put the wheel %s into a folder DIR and run `ntk setup --from DIR`, or go on without: ntk then computes in pure Go, much slower"
	if err != nil {
		return fmt.Errorf("%q failed: %w%s; "+advice, command, err, lastLine(out.String()), p.wheel)
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil {
		return err
	}
	for _, w := range wheels {
		if filepath.Base(w) == p.wheel {
			return nil
		}
	}
	return fmt.Errorf("%q fetched %q, not %s; "+advice, command, wheels, p.wheel, p.wheel)
}

// lastLine returns the last line of pip's output that reports an error, or
// else its last line, as an addition to a message.
func lastLine(out string) string {
	var last string
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if line != "" && (strings.HasPrefix(line, "ERROR") || !strings.HasPrefix(last, "ERROR")) {
			last = line
		}
	}
	if last == "" {
		return ""
	}
	return ": " + last
}
