package data

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// missingMarks are ways to write that a value is not known, in lower case.
var missingMarks = []string{"", "?", "na", "n/a", "nan", "null", "none"}

// maxCSVText bounds a file's text as a multiple of its values' bytes: the 17
// digits of a float64, sign, exponent and separator are three times its 8 bytes.
const maxCSVText = 4

// csvTable opens a CSV or, by the name, a tab-separated file.
func csvTable(ctx context.Context, path string, o Options) (*table, error) {
	b, err := openBlob(ctx, path, maxCSVText*o.maxBytes())
	if err != nil {
		return nil, err
	}
	defer b.close()
	comma := ','
	if strings.HasSuffix(strings.TrimSuffix(strings.ToLower(path), ".gz"), ".tsv") {
		comma = '\t'
	}
	return csvFrom(ctx, b, comma, o)
}

// csvFrom reads features in all columns but that of the labels.
//
// The first line is a header if it names the label column, or if no field of
// it but the label is a number. A line that mixes both is an error: it may
// be a header of numbered columns, or data with a slip.
func csvFrom(ctx context.Context, b *blob, comma rune, o Options) (*table, error) {
	content := io.Reader(cancelReader{ctx, io.NewSectionReader(b, 0, b.size)})
	r := csv.NewReader(skipByteOrderMark(content))
	r.Comma = comma
	r.ReuseRecord = true

	first, err := r.Read()
	if err == io.EOF {
		return nil, fmt.Errorf("%s: no examples", b.file)
	}
	if err != nil {
		return nil, csvError(ctx, b.file, err)
	}
	label, err := labelColumn(b.file, first, o.Labels)
	if err != nil {
		return nil, err
	}
	header, err := isHeader(b.file, first, label, o.Labels)
	if err != nil {
		return nil, err
	}
	width := len(first)
	if label >= 0 {
		width--
	}
	if width == 0 {
		return nil, fmt.Errorf("%s: one column, which is the label: no features (Labels %q reads none)", b.file, noLabels)
	}
	var names []string
	if header {
		names = slices.Clone(first)
		first, err = r.Read()
	}

	var values []float64
	var text []string
	for record := first; err != io.EOF; record, err = r.Read() {
		if err != nil {
			return nil, csvError(ctx, b.file, err)
		}
		for j, field := range record {
			place := csvPlace{b.file, r, names, j}
			if slices.Contains(missingMarks, strings.ToLower(strings.TrimSpace(field))) {
				return nil, place.errorf("value missing (%q)", field)
			}
			if j == label {
				text = append(text, strings.Clone(strings.TrimSpace(field)))
				continue
			}
			v, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
			if err != nil {
				return nil, place.errorf("%.40q is not a number%s", field, rangeHint(err))
			}
			if notFinite(v) {
				return nil, place.errorf("%v is not finite", v)
			}
			values = append(values, v)
		}
		if int64(len(values)) > o.maxBytes()/8 {
			return nil, &LimitError{b.file + ": its values as float64", 0, o.maxBytes()}
		}
	}
	t := &table{file: b.file, shape: []int{len(values) / width, width}}
	t.row = func(dst []float64, i int) error {
		copy(dst, values[i*width:])
		return nil
	}
	if label < 0 {
		return t, nil
	}
	t.labels, err = textLabels(b.file, text, o.Task)
	return t, err
}

// labelColumn returns the index of the label column, -1 for none.
func labelColumn(file string, first []string, name string) (int, error) {
	switch {
	case name == "":
		return len(first) - 1, nil
	case slices.Contains(first, name):
		if i := slices.Index(first, name); !slices.Contains(first[i+1:], name) {
			return i, nil
		}
		return 0, fmt.Errorf("%s: two columns are called %q", file, name)
	case name == noLabels:
		return -1, nil
	}
	if number, ok := strings.CutPrefix(name, "#"); ok {
		k, err := strconv.Atoi(number)
		if err != nil || k < 1 || k > len(first) {
			return 0, fmt.Errorf("%s: there is no column %s: columns are #1 to #%d", file, name, len(first))
		}
		return k - 1, nil
	}
	return 0, fmt.Errorf("%s: no column is called %q; line 1 has %.200q", file, name, first)
}

func isHeader(file string, first []string, label int, name string) (bool, error) {
	if label >= 0 && first[label] == name {
		return true, nil
	}
	numbers, words := -1, -1
	for j, field := range first {
		if j == label {
			continue
		}
		// A missing value is not the name of a column.
		_, err := strconv.ParseFloat(strings.TrimSpace(field), 64)
		if err == nil || errors.Is(err, strconv.ErrRange) || slices.Contains(missingMarks, strings.ToLower(strings.TrimSpace(field))) {
			numbers = j
		} else {
			words = j
		}
	}
	if numbers >= 0 && words >= 0 {
		return false, fmt.Errorf("%s: line 1 is neither a header nor data: column %d is %.40q, column %d is %.40q (Labels with the name of a column makes it a header)",
			file, words+1, first[words], numbers+1, first[numbers])
	}
	return words >= 0, nil
}

// A csvPlace is where a field stands.
type csvPlace struct {
	file   string
	r      *csv.Reader
	names  []string
	column int
}

func (p csvPlace) errorf(format string, args ...any) error {
	line, _ := p.r.FieldPos(p.column)
	where := fmt.Sprintf("%s: line %d, column %d", p.file, line, p.column+1)
	if p.names != nil {
		where += fmt.Sprintf(" (%.40s)", p.names[p.column])
	}
	return fmt.Errorf("%s: %s", where, fmt.Sprintf(format, args...))
}

func csvError(ctx context.Context, file string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return fmt.Errorf("%s: %w", file, err)
}

func rangeHint(err error) string {
	if errors.Is(err, strconv.ErrRange) {
		return " that a float64 can hold"
	}
	return ""
}

// skipByteOrderMark drops the three bytes that some spreadsheets put first.
func skipByteOrderMark(r io.Reader) io.Reader {
	mark := []byte("\xef\xbb\xbf")
	start := make([]byte, len(mark))
	n, err := io.ReadFull(r, start)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return io.MultiReader(bytes.NewReader(start[:n]), failingReader{err})
	}
	return io.MultiReader(bytes.NewReader(bytes.TrimPrefix(start[:n], mark)), r)
}

// A failingReader delivers an error that came too early.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }
