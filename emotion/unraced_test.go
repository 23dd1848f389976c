//go:build !race

package emotion_test

const raced = false
