package nlp

// Clip is a text cut to at most n characters, the last of them an ellipsis when it was longer.
func Clip(text string, n int) string {
	if len(text) <= n { // no more characters than bytes
		return text
	}
	if r := []rune(text); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return text
}
