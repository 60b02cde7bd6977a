package cmd

import (
	"bytes"
	"fmt"

	"github.com/gontk/ntk/internal/durable"
	"github.com/gontk/ntk/internal/machine"
	"github.com/gontk/ntk/internal/report"
)

// facts are what a report says of where it was computed, and of the data's licence.
func (s *study) facts() []report.Fact {
	return []report.Fact{
		{Name: "backend", Value: backendText(s)},
		{Name: "contraction", Value: s.blas.Name()},
		{Name: "versions", Value: thisVersion().String()},
		{Name: "machine", Value: machine.Describe().String()},
		{Name: "data licence", Value: s.set.License},
	}
}

// backendText names the backend without folders of the machine.
func backendText(s *study) string {
	if s.backend.API == "" {
		return s.backend.Kind
	}
	return s.backend.Kind + ", PJRT API " + s.backend.API
}

// writeReport writes the document whole, or not at all.
func writeReport(path string, doc *report.Report) error {
	var b bytes.Buffer
	if err := doc.WriteHTML(&b); err != nil {
		return err
	}
	if err := durable.Write(path, b.Bytes()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}
