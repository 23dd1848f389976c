//go:build !race

package emotion

const Raced = false
