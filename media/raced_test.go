//go:build race

package media

// raced says that the race detector slows everything down tenfold.
const raced = true
