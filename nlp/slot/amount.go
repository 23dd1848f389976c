package slot

import (
	"math"
	"strconv"
	"strings"
)

var currencies = map[string]string{
	"¥": "CNY", "rmb": "CNY", "cny": "CNY", "yuan": "CNY", "$": "USD", "usd": "USD", "dollar": "USD", "€": "EUR", "euro": "EUR", "£": "GBP", "pound": "GBP",
}

// money writes an amount: at most two decimals, no zeros at the end.
func money(value float64, currency string) (string, bool) {
	if value < 0 || value > 1e10 || math.IsNaN(value) {
		return "", false
	}
	return strconv.FormatFloat(math.Round(value*100)/100, 'f', -1, 64) + " " + currency, true
}

func decimal(s string) float64 {
	v, err := strconv.ParseFloat(strings.ReplaceAll(s, ",", ""), 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// amountBefore: "¥35.50", "usd 45", "¥3万".
func amountBefore(m match) (string, bool) {
	v := decimal(m.group(2))
	if m.group(3) != "" {
		v *= 10000
	}
	return money(v, currencies[m.group(1)])
}

// amountAfter: "35块", "5万元", "20块5", "八十八块八"; "一块" alone means together.
func amountAfter(m match) (string, bool) {
	text, unit := m.group(1), m.group(3)
	v := decimal(text)
	if math.IsNaN(v) {
		n, ok := chinese(text)
		if !ok || text == "一" && unit == "块" && m.group(4) == "" {
			return "", false
		}
		v = float64(n)
	}
	if m.group(2) != "" {
		v *= 10000
	}
	if tail := m.group(4); tail != "" {
		n, _ := chinese(tail)
		v += float64(n) / 10
	}
	return money(v, "CNY")
}

// amountWords: "120 dollars", "twenty dollars and fifty cents".
func amountWords(m match) (string, bool) {
	v := decimal(m.group(1))
	if math.IsNaN(v) {
		n, ok := english(m.group(1))
		if !ok {
			return "", false
		}
		v = float64(n)
	}
	if cents := m.group(3); cents != "" {
		n, ok := english(cents)
		if !ok || n > 99 {
			return "", false
		}
		v += float64(n) / 100
	}
	return money(v, currencies[strings.TrimSuffix(m.group(2), "s")])
}
