package graph

// GoMLXConvVJP is GoMLX's own gradient of a convolution.
var GoMLXConvVJP = gomlxConvVJP

// NoNode says what stands in the way of the ops that Nodes refuses.
var NoNode = noNode
