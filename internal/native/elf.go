package native

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// pluginSymbol is the function that every PJRT plugin exports.
const pluginSymbol = "GetPjrtApi"

// checkLibrary returns an error unless path is a complete shared library for
// this processor that exports one of symbols. It opens the file as data: the
// dynamic loader, given a truncated library, kills the process with SIGBUS.
//
// Where libraries are not ELF files it checks only that path is a file.
func checkLibrary(path string, symbols ...string) (err error) {
	// debug/elf is not hardened against files made to break it.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%s is not a shared library: %v", path, r)
		}
	}()
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", path)
	}
	if runtime.GOOS != "linux" {
		return nil
	}
	f, err := elf.Open(path)
	if err != nil {
		var pathErr *os.PathError
		if errors.As(err, &pathErr) {
			return err
		}
		return fmt.Errorf("%s is not a shared library, or is cut short (%d bytes): %w", path, info.Size(), err)
	}
	defer f.Close()
	if f.Type != elf.ET_DYN {
		return fmt.Errorf("%s is not a shared library: its ELF type is %v", path, f.Type)
	}
	if want, known := elfMachine[runtime.GOARCH]; known && f.Machine != want {
		return fmt.Errorf("%s is for %v, this program needs %v", path, f.Machine, want)
	}
	size := uint64(info.Size())
	for _, p := range f.Progs {
		if p.Off > size || p.Filesz > size-p.Off {
			return fmt.Errorf("%s is cut short: it has %d bytes, a segment ends at %d", path, size, p.Off+p.Filesz)
		}
	}
	exported, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("%s: reading its exported symbols: %w", path, err)
	}
	for _, s := range exported {
		if s.Section != elf.SHN_UNDEF && slices.Contains(symbols, s.Name) {
			return nil
		}
	}
	return fmt.Errorf("%s does not export %s", path, symbols[0])
}

var elfMachine = map[string]elf.Machine{
	"amd64": elf.EM_X86_64,
	"arm64": elf.EM_AARCH64,
}
