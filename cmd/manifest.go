package cmd

import (
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/gontk/ntk/internal/data"
	"github.com/gontk/ntk/internal/machine"
)

// A manifest says where the files of a folder come from. It names no host, no
// user and no folder of the machine but those on the command line.
type manifest struct {
	Schema  string            `json:"schema"`
	Command string            `json:"command"`
	Config  map[string]string `json:"config"`
	Seeds   []uint64          `json:"seeds"`
	Data    dataInfo          `json:"data"`
	Pairs   *dataInfo         `json:"pairs,omitempty"`
	Backend backendInfo       `json:"backend"`
	BLAS    string            `json:"blas"`
	Version version           `json:"version"`
	Machine machine.Summary   `json:"machine"`
	Files   []string          `json:"files"`
	Created time.Time         `json:"created"`
	Seconds float64           `json:"seconds"`
	// Incomplete says why results are missing; empty means none are.
	Incomplete string `json:"incomplete,omitempty"`
}

type dataInfo struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	SHA256      string `json:"sha256"`
	Shape       []int  `json:"shape"`
	Classes     int    `json:"classes"`
	Source      string `json:"source"`
	License     string `json:"license"`
}

func describeData(s *data.Set) dataInfo {
	return dataInfo{s.Name, s.Describe(), s.Hash(), s.Shape, s.Classes, s.Source, s.License}
}

type backendInfo struct {
	Kind string `json:"kind"`
	// API is the PJRT version, empty in pure Go.
	API string `json:"pjrt_api,omitempty"`
}

// manifest starts the manifest of a study.
func (a *app) manifest(s *study, config map[string]string, seeds []uint64) *manifest {
	return &manifest{
		Schema: "ntk/manifest/1", Command: a.command(), Config: config, Seeds: seeds,
		Data: describeData(s.set), Backend: backendInfo{s.backend.Kind, s.backend.API}, BLAS: s.blas.Name(),
		Version: thisVersion(), Machine: machine.Describe(), Created: time.Now().UTC().Truncate(time.Second),
	}
}

// write writes the manifest into a folder.
func (m *manifest) write(folder string) error {
	text, err := encodeJSON(m)
	if err != nil {
		return err
	}
	return writeWhole(filepath.Join(folder, manifestName), text)
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// command returns the command line as a shell reads it.
func (a *app) command() string {
	words := []string{a.program}
	for _, arg := range a.args {
		if !plainArgument.MatchString(arg) {
			arg = "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
		}
		words = append(words, arg)
	}
	return strings.Join(words, " ")
}
