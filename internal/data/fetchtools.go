package data

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A tool is a program that a supplier runs.
type tool struct {
	name, provider string
	probe          []string // a command that fails if the tool is not there; nil means to look in PATH
}

var (
	toolGo     = tool{name: "go", provider: "install Go 1.21 or later"}
	toolNpm    = tool{name: "npm", provider: "install Node.js (Debian: npm)"}
	toolPython = tool{name: "python3", provider: "install Python 3"}
	toolPip    = tool{name: "pip", provider: "install pip for python3 (Debian: python3-pip)", probe: []string{"python3", "-m", "pip", "--version"}}
	toolApt    = tool{name: "apt-get", provider: "it is part of Debian and Ubuntu"}
	toolDpkg   = tool{name: "dpkg-deb", provider: "it is part of Debian and Ubuntu"}
)

// check returns an error that says what to do if the tool is missing.
func (t tool) check(ctx context.Context, j job) error {
	if t.probe == nil {
		if _, err := exec.LookPath(t.name); err != nil {
			return fmt.Errorf("%s is needed and not in PATH: %s, or %s", t.name, t.provider, offline)
		}
		return nil
	}
	if _, err := j.tool(ctx, nil, nil, t.probe[0], t.probe[1:]...); err != nil {
		return fmt.Errorf("%s is needed (%w): %s, or %s", t.name, err, t.provider, offline)
	}
	return nil
}

// A toolError is a failure of a program that was found.
type toolError struct{ command, reason string }

func (e *toolError) Error() string { return fmt.Sprintf("%q failed: %s", e.command, e.reason) }

// tool runs a program in j.tmp and returns what it wrote to stdout. lines, if
// not nil, gets the first clause of each of these lines as it comes. The
// program's own temporary files go to j.tmp too. If ctx ends, so does the
// program with all that it started.
func (j job) tool(ctx context.Context, lines func(string), env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = j.tmp
	cmd.Env = append(append(os.Environ(), "TMPDIR="+j.tmp), env...)
	var out, messages bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &messages
	if lines != nil {
		cmd.Stdout = io.MultiWriter(&out, &clauses{say: lines})
	}
	ownGroup(cmd)
	// Something that left the group may still hold the pipes open.
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return out.Bytes(), &toolError{name + " " + strings.Join(args, " "), reason(err, messages.String())}
	}
	return out.Bytes(), nil
}

// reason makes one line of why a program failed: the first line of its
// messages that is marked as an error, and the last line, which is where
// Python says what was raised, unless that is only that a program failed.
func reason(err error, messages string) string {
	var marked, last string
	for line := range strings.Lines(messages) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		last = line
		for _, mark := range []string{"ERROR", "npm ERR!", "npm error", "E: ", "go: "} {
			if marked == "" && strings.HasPrefix(line, mark) {
				marked = line
			}
		}
	}
	switch {
	case last == "":
		return err.Error()
	case marked == "" || marked == last:
		return strings.TrimSuffix(last, ".")
	case strings.HasPrefix(last, "subprocess.CalledProcessError"):
		return strings.TrimSuffix(marked, ".")
	}
	return marked + "; " + strings.TrimSuffix(last, ".")
}

// oneLine joins the lines of a message.
func oneLine(message string) string {
	return strings.Join(strings.Fields(message), " ")
}

// clauses passes on each line it is given, up to the first comma: what
// follows are sums and counts.
type clauses struct {
	say  func(string)
	rest []byte
}

func (c *clauses) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	for {
		line, rest, whole := bytes.Cut(c.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		c.rest = rest
		clause, _, _ := strings.Cut(string(line), ",")
		c.say(clause)
	}
}
