//go:build !race

package call

const raced = false
