package worker

import "strings"

const (
	prefixTimes   = 3   // a word is committed when it stood in this many partials
	prefixSpan    = 200 // over at least so many ms, and is not the last one
	prefixOldest  = 900 // or when it has stood for so many ms
	prefixAtLeast = 2   // but never on the first sight
)

// prefix finds the part of the partials that will not change any more and
// holds it fast: committed words stay as they are until the Final.
type prefix struct {
	words  []string
	since  []int64 // ms at which the word got its place
	times  []int   // partials it has stood in
	stable int     // committed words
	text   string
	bytes  int
}

// next takes the partial of time ms and tells whether the text to show or its
// committed part has changed.
func (p *prefix) next(partial string, ms int64) bool {
	cur := strings.Fields(partial)
	same := 0
	for same < len(cur) && same < len(p.words) && cur[same] == p.words[same] {
		same++
	}
	if same < p.stable {
		// The recogniser takes back a committed word: show ours, go on behind.
		same = p.stable
		if len(cur) < same {
			cur = append(cur[:0], p.words[:same]...)
		}
		copy(cur[:same], p.words[:same])
		for same < len(cur) && same < len(p.words) && cur[same] == p.words[same] {
			same++
		}
	}
	p.words = append(p.words[:same], cur[same:]...)
	p.since, p.times = p.since[:min(same, len(p.since))], p.times[:min(same, len(p.times))]
	for i := range p.times {
		p.times[i]++
	}
	for len(p.since) < len(p.words) {
		p.since, p.times = append(p.since, ms), append(p.times, 1)
	}
	for p.stable < len(p.words) && p.settled(p.stable, ms) {
		p.stable++
	}
	return p.show()
}

func (p *prefix) settled(i int, ms int64) bool {
	age := ms - p.since[i]
	if age >= prefixOldest {
		return p.times[i] >= prefixAtLeast
	}
	return i < len(p.words)-1 && age >= prefixSpan && p.times[i] >= prefixTimes
}

func (p *prefix) show() bool {
	text := strings.Join(p.words, " ")
	n := len(strings.Join(p.words[:p.stable], " "))
	changed := text != p.text || n != p.bytes
	p.text, p.bytes = text, n
	return changed
}

// reset begins a new utterance.
func (p *prefix) reset() {
	p.words, p.since, p.times = p.words[:0], p.since[:0], p.times[:0]
	p.stable, p.text, p.bytes = 0, "", 0
}
