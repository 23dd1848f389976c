package contact

import (
	"strings"
	"unicode/utf8"
)

// Mask is an identity as those see it who may not see it whole: 138****8000, l***@example.com.
// It keeps enough to compare with what somebody says on the phone, and no more.
func Mask(kind Kind, value string) string {
	switch kind {
	case KindPhone:
		return MaskPhone(value)
	case KindEmail:
		name, domain, ok := strings.Cut(value, "@")
		if ok {
			_, size := utf8.DecodeRuneInString(name)
			return name[:size] + "***@" + domain
		}
	}
	runes := []rune(value)
	if len(runes) < 8 {
		return "****"
	}
	return string(runes[:2]) + "****" + string(runes[len(runes)-2:])
}

// MaskPhone masks a number: Chinese ones as people write them, others with their country's code.
func MaskPhone(number string) string {
	shown := strings.TrimPrefix(number, "+86")
	prefix := ""
	if rest, ok := strings.CutPrefix(shown, "+"); ok {
		prefix, shown = "+", rest
	}
	switch n := len(shown); {
	case n == 0:
		return number
	case n <= 4: // an extension of the house
		return prefix + shown
	case n < 8:
		return prefix + "****" + shown[n-2:]
	default:
		return prefix + shown[:3] + strings.Repeat("*", max(n-7, 4)) + shown[n-4:]
	}
}
