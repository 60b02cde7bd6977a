package tiles

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
)

// ErrJournal is wrapped by errors about a journal that cannot be used.
var ErrJournal = errors.New("journal")

const (
	journalVersion = 2
	// maxLine bounds a line of a journal in bytes. Only the first, with the
	// manifest, has more than a hundred.
	maxLine = 1 << 20
)

// journalPath returns the journal of an array.
func journalPath(path string) string { return path + ".journal" }

// A header is a journal's first line.
type header struct {
	Version int `json:"ntk_tiles"`
	// Sum is the SHA-256 of spec and manifest, so that damage is noticed.
	Sum      string   `json:"sha256"`
	Spec     Spec     `json:"spec"`
	Manifest Manifest `json:"manifest"`
}

func newHeader(s Spec, m Manifest) header {
	h := header{Version: journalVersion, Spec: s, Manifest: m}
	h.Sum = h.sum()
	return h
}

func (h *header) sum() string {
	// encoding/json cannot fail on numbers and strings.
	b, _ := json.Marshal(header{Version: h.Version, Spec: h.Spec, Manifest: h.Manifest})
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// A record is any other line: a finished tile with its checksum, or whether
// the array is complete.
type record struct {
	*Tile
	// CRC is the CRC-32C, in eight hexadecimal digits, of the bytes that the
	// tile fills in the file: its own rows, then those of its mirror.
	CRC      string `json:"crc32c,omitempty"`
	Complete *bool  `json:"complete,omitempty"`
}

// A history is what a journal tells.
type history struct {
	header header
	// sums holds the checksum of each finished tile by its index.
	sums map[int]uint32
	// complete is whether the last line says so.
	complete bool
	// whole is the length of the intact lines in bytes, and torn of what
	// follows them: a line that a kill or a power loss cut.
	whole, torn int64
}

// parseJournal reads a journal. A damaged last line is what a kill leaves,
// and is counted in torn; any other damage is an error that names the line.
func parseJournal(r io.Reader) (*history, error) {
	h := &history{sums: map[int]uint32{}}
	lines := bufio.NewReaderSize(r, maxLine)
	for number := 1; ; number++ {
		line, err := lines.ReadSlice('\n')
		if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
			return nil, fmt.Errorf("%w: line %d: %w", ErrJournal, number, err)
		}
		if len(line) == 0 {
			break
		}
		bad := errors.New("is cut off")
		if err == nil {
			bad = h.take(number, line)
		}
		if bad == nil {
			h.whole += int64(len(line))
			continue
		}
		if number == 1 {
			return nil, fmt.Errorf("%w: line 1 %w: the file's creation was interrupted, or it is no journal; remove the array and its journal to start again", ErrJournal, bad)
		}
		if err == nil {
			_, err = lines.Peek(1)
		}
		if err != io.EOF {
			return nil, fmt.Errorf("%w: line %d %w; delete that line to have its tile computed again", ErrJournal, number, bad)
		}
		h.torn = int64(len(line))
		return h, nil
	}
	if h.whole == 0 {
		return nil, fmt.Errorf("%w: is empty: the file's creation was interrupted; remove the array and its journal to start again", ErrJournal)
	}
	return h, nil
}

// take adds one whole line; its errors continue "line n …".
func (h *history) take(number int, line []byte) error {
	if number == 1 {
		if err := decodeLine(line, &h.header); err != nil {
			return fmt.Errorf("is no header: %w", err)
		}
		return h.header.validate()
	}
	var r record
	if err := decodeLine(line, &r); err != nil {
		return fmt.Errorf("is no record: %w", err)
	}
	switch {
	case r.Complete != nil && r.Tile == nil && r.CRC == "":
		if *r.Complete && len(h.sums) != h.header.Spec.count() {
			return fmt.Errorf("calls %d of %d tiles complete", len(h.sums), h.header.Spec.count())
		}
		h.complete = *r.Complete
		return nil
	case r.Tile == nil || r.Complete != nil:
		return errors.New("is neither a tile nor complete")
	}
	i, err := h.header.Spec.index(*r.Tile)
	if err != nil {
		return fmt.Errorf("is no record: %w", err)
	}
	sum, err := strconv.ParseUint(r.CRC, 16, 32)
	if err != nil || len(r.CRC) != 8 {
		return fmt.Errorf("has checksum %q, want eight hexadecimal digits", r.CRC)
	}
	h.sums[i], h.complete = uint32(sum), false
	return nil
}

func (h *header) validate() error {
	if h.Version != journalVersion {
		return fmt.Errorf("has format version %d, want %d", h.Version, journalVersion)
	}
	if got := h.sum(); got != h.Sum {
		return fmt.Errorf("is damaged: its spec and manifest have SHA-256 %s, want %q", got, h.Sum)
	}
	if err := h.Spec.Validate(); err != nil {
		return fmt.Errorf("is no header: %w", err)
	}
	h.Spec = h.Spec.normal()
	return nil
}

// decodeLine reads the one JSON object of a line.
func decodeLine(line []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("more than one object")
	}
	return nil
}

// encodeLine returns a line of a journal.
func encodeLine(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err == nil && len(b) >= maxLine {
		err = fmt.Errorf("a line of %d bytes, want fewer than %d; shorten the manifest", len(b), maxLine)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrJournal, err)
	}
	return append(b, '\n'), nil
}

// A journal appends records, each durable before append returns.
type journal struct {
	mu sync.Mutex
	f  *os.File
	// size is the length of the intact lines in bytes.
	size int64
	// broken is why nothing can be appended any more.
	broken error
}

func (j *journal) append(r record) error {
	line, err := encodeLine(r)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if _, err := j.f.WriteAt(line, j.size); err != nil {
		// Part of the line may be there: the next one would continue it.
		if e := j.f.Truncate(j.size); e != nil {
			j.broken = fmt.Errorf("%w: cannot undo a line cut off: %w; resume to repair it", ErrJournal, e)
		}
		return fmt.Errorf("%w: %w", ErrJournal, err)
	}
	j.size += int64(len(line))
	if err := j.f.Sync(); err != nil {
		// What a failed fsync left on the disk, nobody knows.
		j.broken = fmt.Errorf("%w: %w; resume to find out which tiles are stored", ErrJournal, err)
		return j.broken
	}
	return nil
}
