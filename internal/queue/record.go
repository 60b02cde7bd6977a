package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gontk/ntk/internal/tiles"
)

// A stretch is a message of the work queue: tiles of one row, by their indices.
type stretch struct {
	First int `json:"first"`
	Tiles int `json:"tiles"`
	// Skip lists those that are finished.
	Skip []int `json:"skip,omitempty"`
	// Again says that others may be finished too.
	Again bool `json:"again,omitempty"`
}

// A record says that a tile is finished, and where its entries are: in an object
// of the bucket, or in a part in a folder that both sides see.
type record struct {
	Tile   tiles.Tile `json:"tile"`
	Object string     `json:"object,omitempty"`
	CRC    string     `json:"crc32c,omitempty"` // of an object
	Part   string     `json:"part,omitempty"`   // the file's name
	Worker string     `json:"worker"`
	// Seconds is the time from the tile before it to this one, or since the
	// stretch was taken.
	Seconds float64 `json:"seconds"`
}

// decodeRecord reads a record, which is not trusted: a part is a file of the
// collector's own folder with a name that workers give.
func decodeRecord(text []byte, spec tiles.Spec, index int) (*record, error) {
	r := new(record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("a tile's record: %w", err)
	}
	if i, err := spec.Index(r.Tile); err != nil || i != index {
		return nil, fmt.Errorf("the record of tile %d has tile %v", index, r.Tile)
	}
	if (r.Object == "") == (r.Part == "") || r.Part != "" && !isPart(r.Part) || math.IsNaN(r.Seconds) {
		return nil, fmt.Errorf("the record of tile %v says nowhere where its entries are", r.Tile)
	}
	return r, nil
}

// A failure says why a tile failed.
type failure struct {
	Error  string `json:"error"`
	Worker string `json:"worker"`
}

// maxError bounds the bytes of an error's text on the queue.
const maxError = 1000

// partName is the file of a stretch's tiles that one worker makes.
func partName(first, nonce string) string {
	return fmt.Sprintf("theta-stretch-%s-%s.npy", first, nonce)
}

func isPart(name string) bool {
	ok, _ := filepath.Match(partName("*", "*"), name) // the pattern is good
	return ok && name == filepath.Base(name) && filepath.IsLocal(name)
}

// add publishes a message to a subject that has none; exists is whether it had.
func (c *Conn) add(ctx context.Context, subject string, v any) (exists bool, err error) {
	text, err := json.Marshal(v)
	if err != nil {
		return false, err
	}
	err = persist(ctx, answerWait, func(ctx context.Context) error {
		_, err := c.js.PublishMsg(ctx, &nats.Msg{Subject: subject, Data: text}, jetstream.WithExpectLastSequencePerSubject(0))
		api := (*jetstream.APIError)(nil)
		if errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequenceConstant) {
			exists = true
			return nil
		}
		return err
	})
	return exists, err
}

// last returns the message of a subject, nil if there is none.
func (c *Conn) last(ctx context.Context, stream, subject string) ([]byte, error) {
	var data []byte
	err := persist(ctx, answerWait, func(ctx context.Context) error {
		s, err := c.js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		m, err := s.GetLastMsgForSubject(ctx, subject)
		if errors.Is(err, jetstream.ErrMsgNotFound) {
			return nil
		}
		if err == nil {
			data = m.Data
		}
		return err
	})
	return data, err
}

// indices reads the numbers at the end of a subject.
func indices(subject string, n int) ([]int, error) {
	words := strings.Split(subject, ".")
	var out []int
	for _, w := range words[max(0, len(words)-n):] {
		i, err := strconv.Atoi(w)
		if err != nil || i < 0 {
			return nil, fmt.Errorf("subject %q of the queue ends in no number", subject)
		}
		out = append(out, i)
	}
	return out, nil
}

// transfer is how long bytes may take: a slow line carries a megabyte a second.
func transfer(bytes int) time.Duration {
	return answerWait + time.Duration(bytes)*time.Microsecond
}
