package bot

import (
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"tingxin/nlp"
)

// Packet is what a person gets who takes over: enough to ask nothing again.
type Packet struct {
	Reason   Reason    `json:"reason" enum:"asked,fallbacks,clarification,repeat,emotion,topic,vip,error,latency"`
	Detail   string    `json:"detail,omitempty" doc:"the topic, the tool"`
	Queue    string    `json:"queue"`
	Urgent   bool      `json:"urgent,omitempty"`
	Session  string    `json:"session"`
	Channel  Channel   `json:"channel" enum:"chat,call,api"`
	Contact  int64     `json:"contact,omitempty"`
	Lang     string    `json:"lang"`
	Intent   string    `json:"intent,omitempty"`
	Title    string    `json:"title,omitempty" doc:"of the intent"`
	Slots    []Held    `json:"slots" nullable:"false"`
	Articles []Shown   `json:"articles" nullable:"false" doc:"already shown, with the customer's reaction"`
	Summary  []string  `json:"summary" nullable:"false" doc:"at most three sentences of the customer"`
	Action   string    `json:"last_action,omitempty" doc:"what the bot said last"`
	Emotion  float64   `json:"emotion"`
	Trend    []float64 `json:"emotion_trend" nullable:"false"`
	Turns    int       `json:"turns"`
}

const (
	summarySentences = 3
	maxAction        = 200 // characters
)

// summarise picks the sentences of the customer that say most by TextRank (Mihalcea &
// Tarau 2004), in the order in which they were said.
func summarise(turns []string) []string {
	var all []string
	for _, t := range turns {
		for _, s := range sentences(t) {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	if len(all) <= summarySentences {
		return all
	}
	rank := textRank(all)
	order := make([]int, len(all))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case rank[a] > rank[b]:
			return -1
		case rank[a] < rank[b]:
			return 1
		}
		return 0
	})
	order = order[:summarySentences]
	slices.Sort(order)
	out := make([]string, 0, summarySentences)
	for _, i := range order {
		out = append(out, all[i])
	}
	return out
}

// sentences cuts a text at its full stops; pieces without a word of two characters are left out.
func sentences(text string) []string {
	var out []string
	for s := range strings.FieldsFuncSeq(text, func(r rune) bool { return strings.ContainsRune("。！？!?；;\n", r) }) {
		for _, p := range strings.Split(s, ". ") {
			if p = strings.TrimSpace(p); utf8.RuneCountInString(p) >= 2 {
				out = append(out, clip(p, maxAction))
			}
		}
	}
	return out
}

// textRank weighs sentences by common words, normalised by length, with a damping of 0.85.
func textRank(all []string) []float64 {
	n := len(all)
	sets := make([]map[string]bool, n)
	for i, s := range all {
		sets[i] = make(map[string]bool)
		for _, w := range nlp.Words(nlp.Fold(s)) {
			sets[i][w] = true
		}
	}
	like := make([][]float64, n)
	sums := make([]float64, n)
	for i := range like {
		like[i] = make([]float64, n)
		for j := range like[i] {
			if i != j {
				like[i][j] = likeness(sets[i], sets[j])
				sums[i] += like[i][j]
			}
		}
	}
	rank, next := make([]float64, n), make([]float64, n)
	for i := range rank {
		rank[i] = 1
	}
	for range 30 {
		for i := range next {
			next[i] = 0.15
			for j := range rank {
				if sums[j] > 0 {
					next[i] += 0.85 * like[j][i] / sums[j] * rank[j]
				}
			}
		}
		rank, next = next, rank
	}
	return rank
}

func likeness(a, b map[string]bool) float64 {
	common := 0
	for w := range a {
		if b[w] {
			common++
		}
	}
	return float64(common) / (math.Log(float64(len(a))+1) + math.Log(float64(len(b))+1) + 1e-9)
}

// clip cuts a text to so many characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}
