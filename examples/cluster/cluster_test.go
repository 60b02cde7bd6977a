//go:build unix

// Package cluster_test runs the job files beside it as local processes, with the
// environment that Slurm and Kubernetes give.
package cluster_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// program builds ntk, and returns a PATH that has it first, beside stand-ins for
// what only a Slurm cluster has.
func program(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if text, err := exec.Command("go", "build", "-o", filepath.Join(dir, "ntk"), "../../cmd/ntk").CombinedOutput(); err != nil {
		t.Fatalf("building ntk: %v: %s", err, text)
	}
	for name, text := range map[string]string{"srun": "#!/bin/sh\nexec \"$@\"\n", "scontrol": "#!/bin/sh\necho \"scontrol $*\" >> \"$SCONTROL_LOG\"\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir + ":" + os.Getenv("PATH")
}

// common makes the jobs small.
func common(path, out string) []string {
	return append(os.Environ(), "PATH="+path, "MODEL=mlp", "DATA=digits", "EXAMPLES=40", "OUT="+out)
}

// block returns the shell script of kubernetes.yaml: the literal block of its
// command, without the indentation.
func block(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("kubernetes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "            - |\n")
	if !ok {
		t.Fatal("kubernetes.yaml has no command in a literal block")
	}
	script := ""
	for line := range strings.Lines(rest) {
		text, ok := strings.CutPrefix(line, strings.Repeat(" ", 14))
		if !ok {
			break
		}
		script += text
	}
	return script
}

// TestJobs runs each job file as n processes at once, merges what they leave, and
// compares the bytes with those of one process.
func TestJobs(t *testing.T) {
	path := program(t)
	whole := filepath.Join(t.TempDir(), "whole")
	run := func(env []string, words ...string) error {
		c := exec.Command(words[0], words[1:]...)
		c.Env = env
		if text, err := c.CombinedOutput(); err != nil {
			return fmt.Errorf("%q: %w: %s", words[:min(3, len(words))], err, text)
		}
		return nil
	}
	const n = 3
	// The block that shards of three have by default: ⌈40/7⌉, as 7·8/2 ≥ 8·3.
	err := run(common(path, whole), filepath.Join(strings.Split(path, ":")[0], "ntk"), "gram", "--model", "mlp", "--data", "digits",
		"--examples", "40", "--outputs", "mean", "--block", "6", "--out", whole)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(filepath.Join(whole, "theta.npy"))
	if err != nil {
		t.Fatal(err)
	}
	script := block(t)
	for name, job := range map[string]func(out string, i int) error{
		"slurm": func(out string, i int) error {
			env := append(common(path, out), fmt.Sprint("SLURM_ARRAY_TASK_ID=", i+1), fmt.Sprint("SLURM_ARRAY_TASK_COUNT=", n), "SLURM_ARRAY_JOB_ID=7")
			return run(env, "bash", "slurm.sh")
		},
		"kubernetes": func(out string, i int) error {
			env := append(common(path, out), fmt.Sprint("JOB_COMPLETION_INDEX=", i), fmt.Sprint("COMPLETIONS=", n))
			return run(env, "/bin/sh", "-c", script)
		},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "theta")
			var group sync.WaitGroup
			for i := range n {
				group.Go(func() {
					if err := job(out, i); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			if err := run(common(path, out), filepath.Join(strings.Split(path, ":")[0], "ntk"), "merge", out); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(filepath.Join(out, "theta.npy"))
			if err != nil || string(got) != string(want) {
				t.Errorf("theta.npy of %d processes differs from that of one (%v)", n, err)
			}
		})
	}
}

// TestRequeue: a Slurm task that is stopped asks to be queued again.
func TestRequeue(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"srun": "#!/bin/sh\nexit 75\n", "scontrol": "#!/bin/sh\necho \"$*\" > " + filepath.Join(dir, "asked") + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c := exec.Command("bash", "slurm.sh")
	c.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "SLURM_ARRAY_TASK_ID=2", "SLURM_ARRAY_TASK_COUNT=3", "SLURM_ARRAY_JOB_ID=7")
	text, err := c.CombinedOutput()
	if c.ProcessState.ExitCode() != 75 {
		t.Errorf("status %v, %s", err, text)
	}
	if asked, err := os.ReadFile(filepath.Join(dir, "asked")); err != nil || string(asked) != "requeue 7_2\n" {
		t.Errorf("scontrol was asked %q, %v", asked, err)
	}
}
