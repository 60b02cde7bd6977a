// Template is a program with a network of its own and every verb of ntk: a
// folder to copy. See README.md beside it.
package main

import "github.com/gontk/ntk/cmd"

func main() {
	cmd.Main(skip)
}
