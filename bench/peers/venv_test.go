package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestVenvRefusesAnotherFolder(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := venv(t.Context(), dir, "", io.Discard); err == nil || !strings.Contains(err.Error(), "-venv") {
		t.Errorf("error %v, want one that names -venv", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v now (%v)", entries, err)
	}
}

func TestFindPythonMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if _, err := findPython(t.Context(), ""); err == nil || !strings.Contains(err.Error(), pythonVersion) {
		t.Errorf("error %v, want one that names Python %s", err, pythonVersion)
	}
	if _, err := findPython(t.Context(), "no-such-python"); err == nil {
		t.Error("no error for a name that is not there")
	}
}

func TestOutputHasTheLastWords(t *testing.T) {
	_, err := output(t.Context(), "sh", "-c", "echo first >&2; echo ERROR: no such package >&2; exit 3")
	if err == nil || !strings.HasSuffix(err.Error(), "exit status 3: ERROR: no such package") {
		t.Errorf("error %v", err)
	}
}
