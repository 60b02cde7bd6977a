package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// A request is one command to peer.py: one JSON object on one line.
type request struct {
	// Do is load, limit, run, forget, save or forward. Limit loads the infinitely
	// wide network, of which [kernelFunction] is run.
	Do string `json:"do"`
	// Spec, Arrays and DType belong to load and limit, Params and Outputs to load: the network, the
	// names of its weights in the order of its layers, the .npz that has them and
	// the inputs x, and full, mean or diagonal.
	Spec    json.RawMessage `json:"spec,omitempty"`
	Params  []string        `json:"params,omitempty"`
	Arrays  string          `json:"arrays,omitempty"`
	DType   string          `json:"dtype,omitempty"`
	Outputs string          `json:"outputs,omitempty"`
	// Implementation belongs to run and forget.
	Implementation implementation `json:"implementation,omitempty"`
	// Turn belongs to run: calls follow each other until so many seconds passed,
	// at least one.
	Turn float64 `json:"turn,omitempty"`
	// Path belongs to save, which writes Θ of the last run, and to forward,
	// which writes f(x): the .npy to write.
	Path string `json:"path,omitempty"`
}

// An answer is the one line that follows each request, and the first line
// after the start, which has Versions.
type answer struct {
	Error    string            `json:"error"`
	Seconds  float64           `json:"seconds"` // of one call of a run, the mean
	Versions map[string]string `json:"versions"`
}

// A peerError is what neural-tangents or jax says to a request.
type peerError struct{ text string }

func (e *peerError) Error() string { return e.text }

// errSlow is returned, wrapped, when an answer takes longer than its limit.
var errSlow = errors.New("no answer in time")

// maxAnswer bounds the bytes of an answer's line.
const maxAnswer = 1 << 20

// A conversation sends requests and awaits their answers.
type conversation struct {
	w     io.Writer
	lines chan []byte // closed when there will be no more
}

// converse speaks over w and r. It reads r until it ends.
func converse(w io.Writer, r io.Reader) *conversation {
	c := &conversation{w, make(chan []byte, 1)}
	go func() {
		s := bufio.NewScanner(r)
		s.Buffer(nil, maxAnswer)
		for s.Scan() {
			c.lines <- append([]byte(nil), s.Bytes()...)
		}
		// A line that is too long ends the conversation; without a reader the
		// peer would wait forever for room in the pipe.
		close(c.lines)
		_, _ = io.Copy(io.Discard, r)
	}()
	return c
}

// ask sends q and returns its answer. It returns a *peerError if that is an
// error, errSlow after limit, io.ErrUnexpectedEOF if the peer is gone, and ctx's
// cause. After anything but a *peerError the conversation is over: a late answer
// would be taken for that of the next request.
func (c *conversation) ask(ctx context.Context, limit time.Duration, q request) (answer, error) {
	text, err := json.Marshal(q)
	if err != nil {
		return answer{}, fmt.Errorf("request %s: %w", q.Do, err)
	}
	if _, err := c.w.Write(append(text, '\n')); err != nil {
		return answer{}, fmt.Errorf("request %s: %w (%w)", q.Do, io.ErrUnexpectedEOF, err)
	}
	a, err := c.next(ctx, limit)
	if err != nil {
		return a, fmt.Errorf("request %s: %w", q.Do, err)
	}
	return a, nil
}

// next awaits one answer.
func (c *conversation) next(ctx context.Context, limit time.Duration) (answer, error) {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return answer{}, context.Cause(ctx)
	case <-timer.C:
		return answer{}, fmt.Errorf("%w (%v)", errSlow, limit)
	case line, ok := <-c.lines:
		if !ok {
			return answer{}, io.ErrUnexpectedEOF
		}
		var a answer
		if err := json.Unmarshal(line, &a); err != nil {
			return answer{}, fmt.Errorf("%.80q is no answer: %w", line, err)
		}
		if a.Error != "" {
			return a, &peerError{a.Error}
		}
		return a, nil
	}
}
