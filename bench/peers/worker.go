package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

//go:embed peer.py
var script []byte

// Limits on how long the worker may take for what is not timed.
const (
	startLimit = 3 * time.Minute // importing jax and neural-tangents, from a cold disk
	loadLimit  = 3 * time.Minute // drawing and replacing the weights
)

// A worker is the running peer.py.
type worker struct {
	talk   *conversation
	cmd    *exec.Cmd
	stdin  io.Closer
	kill   context.CancelFunc
	stderr *tail
}

// startWorker runs peer.py under python, its script in folder dir. It fails if
// the process does not start or runs other versions than [pins].
func startWorker(ctx context.Context, python, dir string) (*worker, error) {
	path := filepath.Join(dir, "peer.py")
	if err := os.WriteFile(path, script, 0o600); err != nil {
		return nil, err
	}
	ctx, kill := context.WithCancel(ctx)
	w := &worker{cmd: exec.CommandContext(ctx, python, path), kill: kill, stderr: &tail{}}
	w.cmd.Stderr = w.stderr
	w.cmd.WaitDelay = 2 * time.Second
	stdin, err := w.cmd.StdinPipe()
	if err != nil {
		kill()
		return nil, err
	}
	stdout, err := w.cmd.StdoutPipe()
	if err != nil {
		kill()
		return nil, err
	}
	if err := w.cmd.Start(); err != nil {
		kill()
		return nil, fmt.Errorf("starting the peer: %w", err)
	}
	w.stdin, w.talk = stdin, converse(stdin, stdout)
	hello, err := w.talk.next(ctx, startLimit)
	if err == nil {
		err = checkVersions(hello.Versions)
	}
	if err != nil {
		w.stop()
		return nil, fmt.Errorf("starting the peer: %w%s", err, w.stderr.last())
	}
	return w, nil
}

// ask is [conversation.ask]; if the process is gone, the error has its last words.
func (w *worker) ask(ctx context.Context, limit time.Duration, q request) (answer, error) {
	a, err := w.talk.ask(ctx, limit, q)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("the peer ended: %w%s", err, w.stderr.last())
	}
	return a, err
}

// stop ends the process: asked for by the end of its input, and killed if it is
// still computing.
func (w *worker) stop() {
	_ = w.stdin.Close()
	patience := time.AfterFunc(2*time.Second, w.kill)
	defer patience.Stop()
	for range w.talk.lines { // what it still says; ends with the process
	}
	_ = w.cmd.Wait() // how it ended says nothing: all answers were read
	w.kill()
}

// A tail keeps the last bytes written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	const keep = 2000
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if n := len(t.text); n > keep {
		t.text = append([]byte(nil), t.text[n-keep:]...)
	}
	return len(p), nil
}

// last returns the last line that is not blank as an addition to a message.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.text)), "\n")
	if s := strings.TrimSpace(lines[len(lines)-1]); s != "" {
		return ": " + s
	}
	return ""
}
