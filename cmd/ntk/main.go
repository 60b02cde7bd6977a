// Ntk computes neural tangent kernels of real networks. See ntk --help.
package main

import "github.com/gontk/ntk/cmd"

func main() { cmd.Main() }
