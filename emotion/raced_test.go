//go:build race

package emotion

// Raced says that the race detector slows everything down tenfold.
const Raced = true
