package text

import (
	"strconv"
	"strings"
)

// englishRules propose the alternatives that start at token i. Each gives zero
// or more edges; the lattice chooses.
var englishRules = []func(t tokens, i int) []edge{
	cardinalRule, ordinalRule, decimalRule, fractionRule, percentRule, moneyRule,
	yearRule, dateRule, clockRule, digitsRule, codeRule, titleRule, addressRule, netRule,
}

func formatEnglish(words []Word) (string, []Span) {
	t := make(tokens, len(words))
	for i, w := range words {
		t[i] = strings.ToLower(w.Text)
	}
	edges := make([][]edge, len(t))
	for i := range t {
		edges[i] = append(edges[i], edge{from: i, to: i + 1, text: words[i].Text, cost: costPlain})
		for _, rule := range englishRules {
			edges[i] = append(edges[i], rule(t, i)...)
		}
	}
	return punctuateEnglish(words, t, cheapest(len(t), edges))
}

func one(i, to int, text string, cost float64) []edge {
	return []edge{{from: i, to: to, text: text, cost: cost, fixed: true}}
}

// cardinalRule: "one hundred and two" is 102. Numbers below ten stay words unless
// a cue such as "room" or "press" stands before them.
func cardinalRule(t tokens, i int) []edge {
	v, after := t.cardinal(i)
	if after == i || t.at(i) == "a" && scales[t.at(i+1)] >= 1e6 {
		return nil
	}
	if v < 10 && (!t.is(i-1, smallCue) || t.is(after, notCounted)) {
		return nil
	}
	return one(i, after, printCardinal(v, t.at(after-1), 10000), costCardinal)
}

// ordinalRule: "twenty first" is 21st. Below ten they stay words, and "thirty
// second" is an ordinal only where one is expected.
func ordinalRule(t tokens, i int) []edge {
	v, after := t.ordinal(i)
	if after == i || v < 10 {
		return nil
	}
	if t.at(after-1) == "second" && t.at(i-1) != "the" && !t.is(after, ordinalNext) && !t.is(i-1, months) {
		return nil
	}
	return one(i, after, printOrdinal(v), costOrdinal)
}

// decimalRule: "three point one four" is 3.14.
func decimalRule(t tokens, i int) []edge {
	s, after := t.decimal(i)
	if after == i || t.at(i) == "point" && !t.is(after, percentWords) && !t.is(i-1, minusWords) {
		return nil
	}
	if scales[t.at(after)] >= 1e6 {
		return one(i, after+1, s+" "+t.at(after), costDecimal)
	}
	return one(i, after, s, costDecimal)
}

// fractionRule: "two and a half" is 2 1/2 and "two thirds" is 2/3; "one half" stays.
func fractionRule(t tokens, i int) []edge {
	v, after := t.cardinal(i)
	if after == i {
		return nil
	}
	if t.at(after) == "and" && t.at(after+1) == "a" {
		if part, ok := fractionTails[t.at(after+2)]; ok {
			return one(i, after+3, strconv.FormatInt(v, 10)+" 1/"+part, costDecimal)
		}
	}
	if part, ok := fractionPlurals[t.at(after)]; ok && after == i+1 && v > 1 && v < 10 {
		return one(i, after+1, strconv.FormatInt(v, 10)+"/"+part, costDecimal)
	}
	return nil
}

// amount reads a decimal or a cardinal with its value in text, commas from commaFrom.
func amount(t tokens, i int, commaFrom int64) (s string, whole int64, after int) {
	if s, after := t.decimal(i); after > i {
		if scales[t.at(after)] >= 1e6 {
			return s + " " + t.at(after), -1, after + 1
		}
		return s, -1, after
	}
	if v, after := t.cardinal(i); after > i {
		return printCardinal(v, t.at(after-1), commaFrom), v, after
	}
	return "", 0, i
}

// percentRule: "five percent" is 5%; minus five percent -5%. It also signs
// degrees and plain amounts after "minus" or "negative".
func percentRule(t tokens, i int) []edge {
	sign, at := "", i
	if t.is(i, minusWords) {
		if _, e := t.below100(i - 1); e == i {
			return nil // ten minus five
		}
		sign, at = "-", i+1
	}
	s, _, after := amount(t, at, 10000)
	if after == at {
		return nil
	}
	switch {
	case t.is(after, percentWords):
		return one(i, after+1, sign+s+"%", costMoney)
	case t.at(after) == "per" && t.at(after+1) == "cent":
		return one(i, after+2, sign+s+"%", costMoney)
	case sign != "", t.is(after, measureWords):
		return one(i, after, sign+s, costDecimal)
	}
	return nil
}

// moneyRule: "twenty dollars and fifty cents" is $20.50.
func moneyRule(t tokens, i int) []edge {
	s, whole, after := amount(t, i, 1000)
	if after == i {
		return nil
	}
	c, ok := currencies[t.at(after)]
	if !ok {
		return nil
	}
	end := after + 1
	cents := end
	if t.at(cents) == "and" {
		cents++
	}
	if v, e := t.below100(cents); c.cents != nil && whole >= 0 && e > cents && c.cents[t.at(e)] {
		return one(i, e+1, c.sign+s+"."+pad2(v), costMoney)
	}
	if c.cue && !t.near(i, 4, payWords) && t.at(end) != "sterling" {
		return nil
	}
	if t.at(end) == "sterling" {
		end++
	}
	return one(i, end, c.sign+s, costMoney)
}

func pad2(v int64) string {
	if v < 10 {
		return "0" + strconv.FormatInt(v, 10)
	}
	return strconv.FormatInt(v, 10)
}

// titleRule: "mister hale" is Mr. Hale.
func titleRule(t tokens, i int) []edge {
	s, ok := titles[t.at(i)]
	if !ok || t.at(i+1) == "" || t.is(i+1, functionWords) || t.is(i-1, articles) {
		return nil
	}
	return one(i, i+1, s, costPlain-0.01)
}

// addressRule: "one twenty three main street" starts with 123, "flight four fifty" ends with 450,
// and an answer that is nothing but "two forty" is 240.
func addressRule(t tokens, i int) []edge {
	u, ok := units[t.at(i)]
	if !ok {
		return nil
	}
	v, after := t.below100(i + 1)
	if after == i+1 || v < 10 || t.at(after) == "hundred" {
		return nil
	}
	street := t.is(i-1, smallCue) || i == 0 && after == len(t)
	for k := after; k < after+4; k++ {
		street = street || t.is(k, streetWords)
	}
	if !street {
		return nil
	}
	return one(i, after, strconv.FormatInt(u*100+v, 10), costYear)
}

// netRule: "john at example dot com" is john@example.com.
func netRule(t tokens, i int) []edge {
	at := i
	if t.at(i+1) == "at" && t.at(i+3) == "dot" {
		at = i + 2
	}
	if t.at(at+1) != "dot" || !domains[t.at(at+2)] || t.at(at) == "dot" {
		return nil
	}
	s := t.at(at) + "." + t.at(at+2)
	if at > i {
		s = t.at(i) + "@" + s
	}
	end := at + 3
	for t.at(end) == "dot" && domains[t.at(end+1)] {
		s, end = s+"."+t.at(end+1), end+2
	}
	return one(i, end, s, costMoney)
}
