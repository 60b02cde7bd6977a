package data

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
)

// digitsCSV is 1797 lines of 64 pixels in 0..16 and the digit; its licence
// and origin are in LICENSE-digits.txt.
//
//go:embed digits.csv.gz
var digitsCSV []byte

// digitsTable opens the handwritten digits that are part of the program.
func digitsTable(ctx context.Context, o Options) (*table, error) {
	if o.Labels != "" && o.Labels != noLabels {
		return nil, fmt.Errorf("data: digits has its own labels, %q cannot replace them", o.Labels)
	}
	content, err := gunzip(ctx, "digits", bytes.NewReader(digitsCSV), 1<<20)
	if err != nil {
		return nil, err
	}
	t, err := csvFrom(ctx, bytesBlob("digits", content), ',', Options{Task: o.Task})
	if err != nil {
		return nil, err
	}
	if o.Labels == noLabels {
		t.labels = labels{}
	}
	t.name = "digits"
	t.shape = []int{t.shape[0], 8, 8, 1}
	t.layout = nhwc
	t.source = "Optical Recognition of Handwritten Digits (test set), E. Alpaydin, C. Kaynak, 1998, UCI Machine Learning Repository, doi 10.24432/C50P49, as distributed with scikit-learn"
	t.license = "CC BY 4.0"
	return t, nil
}
