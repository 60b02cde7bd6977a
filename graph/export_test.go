package graph

// GoMLXConvVJP is GoMLX's own gradient of a convolution.
var GoMLXConvVJP = gomlxConvVJP
