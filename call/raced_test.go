//go:build race

package call

// raced says that the race detector slows everything down tenfold.
const raced = true
