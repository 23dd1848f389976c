package assist

import (
	"cmp"
	"math"
	"slices"

	"tingxin/nlp"
)

// Cut-offs of clusters until they are measured on labelled texts.
const (
	defaultNear  = 0.82 // of a question to the one that leads a cluster
	defaultLink  = 0.78 // mean between two clusters that become one
	minimumSize  = 3
	enoughTexts  = 60 // that are labelled, to measure a cut-off on
	wantedPurity = 0.9
	leastRecall  = 0.1
)

// group is a cluster in the making: indexes of questions.
type group struct {
	lead    int
	members []int
}

// clusters puts questions together whose vectors are near: each joins the nearest leader
// at or above near, or leads itself; groups whose members are on average as near as link
// are merged; small ones are left out. Vectors are unit vectors. The order of questions
// decides who leads, so that the same questions give the same clusters.
func clusters(vectors [][]float32, near, link float64) []group {
	var groups []group
	for i, v := range vectors {
		best, at := near, -1
		for g := range groups {
			if c := float64(nlp.Dot(v, vectors[groups[g].lead])); c >= best {
				best, at = c, g
			}
		}
		if at < 0 {
			groups = append(groups, group{lead: i, members: []int{i}})
			continue
		}
		groups[at].members = append(groups[at].members, i)
	}
	groups = merged(groups, vectors, link)
	groups = slices.DeleteFunc(groups, func(g group) bool { return len(g.members) < minimumSize })
	for i := range groups {
		groups[i].lead = medoid(groups[i].members, vectors)
	}
	slices.SortStableFunc(groups, func(a, b group) int { return cmp.Compare(len(b.members), len(a.members)) })
	return groups
}

// merged joins the nearest two groups as long as their average link reaches link. Sums
// of vectors stand for groups: the mean of all cosines between two is the product of
// their means.
func merged(groups []group, vectors [][]float32, link float64) []group {
	sums := make([][]float32, len(groups))
	for g := range groups {
		sums[g] = make([]float32, len(vectors[0]))
		for _, i := range groups[g].members {
			for k, x := range vectors[i] {
				sums[g][k] += x
			}
		}
	}
	average := func(a, b int) float64 {
		return float64(nlp.Dot(sums[a], sums[b])) / float64(len(groups[a].members)*len(groups[b].members))
	}
	// nearest keeps the best partner of each, so that a merge costs one row.
	nearest := make([]int, len(groups))
	likes := make([]float64, len(groups))
	alive := make([]bool, len(groups))
	find := func(a int) {
		nearest[a], likes[a] = -1, math.Inf(-1)
		for b := range groups {
			if b != a && alive[b] {
				if c := average(a, b); c > likes[a] {
					nearest[a], likes[a] = b, c
				}
			}
		}
	}
	for g := range groups {
		alive[g] = true
	}
	for g := range groups {
		find(g)
	}
	for {
		a := -1
		for g := range groups {
			if alive[g] && nearest[g] >= 0 && likes[g] >= link && (a < 0 || likes[g] > likes[a]) {
				a = g
			}
		}
		if a < 0 {
			break
		}
		b := nearest[a]
		groups[a].members = append(groups[a].members, groups[b].members...)
		for k, x := range sums[b] {
			sums[a][k] += x
		}
		alive[b] = false
		find(a)
		for g := range groups {
			if alive[g] && g != a && (nearest[g] == a || nearest[g] == b || average(g, a) > likes[g]) {
				find(g)
			}
		}
	}
	out := groups[:0]
	for g := range groups {
		if alive[g] {
			slices.Sort(groups[g].members)
			out = append(out, groups[g])
		}
	}
	return out
}

// medoid is the member that is nearest to all others.
func medoid(members []int, vectors [][]float32) int {
	sum := make([]float32, len(vectors[members[0]]))
	for _, i := range members {
		for k, x := range vectors[i] {
			sum[k] += x
		}
	}
	best, at := float32(math.Inf(-1)), members[0]
	for _, i := range members {
		if c := nlp.Dot(vectors[i], sum); c > best {
			best, at = c, i
		}
	}
	return at
}

// Cut is a cut-off with how it came about.
type Cut struct {
	Near      float64 `json:"near" doc:"cosine from which on two questions are one"`
	Link      float64 `json:"link" doc:"mean cosine from which on two clusters are one"`
	Texts     int     `json:"texts" doc:"labelled texts that it was measured on; 0: it is the starting value"`
	Precision float64 `json:"precision" doc:"of texts whose nearest neighbour is so near, how many are answered by the same"`
	Recall    float64 `json:"recall" doc:"of texts that have a sibling, how many find one so near"`

	centre []float32 // is taken off all vectors before they are compared
}

// labelled is a text with the article that answers it.
type labelled struct {
	of     int
	vector []float32
}

// measure draws the cut-off from texts whose article is known: the lowest cosine at which
// the nearest neighbours of nine in ten texts belong to the same article, and for whole
// clusters the mean cosine that hardly any two articles reach. Vectors are compared
// without what they have in common, since sentences of one model all point one way.
func measure(texts []labelled) Cut {
	c := Cut{Near: defaultNear, Link: defaultLink}
	if len(texts) < enoughTexts {
		return c
	}
	c.centre = make([]float32, len(texts[0].vector))
	for _, t := range texts {
		for k, x := range t.vector {
			c.centre[k] += x / float32(len(texts))
		}
	}
	vectors := make([][]float32, len(texts))
	for i := range texts {
		vectors[i] = c.centred(texts[i].vector)
	}
	type neighbour struct {
		cosine float64
		same   bool
	}
	nearest := make([]neighbour, len(texts))
	siblings := 0
	for i := range texts {
		nearest[i].cosine = -1
		sibling := false
		for j := range texts {
			if i == j {
				continue
			}
			same := texts[i].of == texts[j].of
			sibling = sibling || same
			if x := float64(nlp.Dot(vectors[i], vectors[j])); x > nearest[i].cosine {
				nearest[i] = neighbour{x, same}
			}
		}
		if sibling {
			siblings++
		}
	}
	slices.SortFunc(nearest, func(a, b neighbour) int { return cmp.Compare(b.cosine, a.cosine) })
	right, found := 0, false
	for i, n := range nearest {
		if n.same {
			right++
		}
		precision, recall := float64(right)/float64(i+1), float64(right)/float64(max(siblings, 1))
		if precision >= wantedPurity && recall >= leastRecall {
			found = true
			c.Near, c.Precision, c.Recall = n.cosine, round(precision), round(recall)
		}
	}
	if !found { // no cosine parts them well enough: what is sure only
		return Cut{Near: defaultNear, Link: defaultLink}
	}
	c.Texts = len(texts)
	c.Link = math.Min(c.Near, linkOf(texts, vectors))
	return c
}

// linkOf is the mean cosine that one in twenty articles has with its nearest other one.
func linkOf(texts []labelled, vectors [][]float32) float64 {
	sums, count := map[int][]float32{}, map[int]int{}
	for i, t := range texts {
		if sums[t.of] == nil {
			sums[t.of] = make([]float32, len(vectors[i]))
		}
		for k, x := range vectors[i] {
			sums[t.of][k] += x
		}
		count[t.of]++
	}
	var links []float64
	for a := range sums {
		best := -1.0
		for b := range sums {
			if a != b {
				best = math.Max(best, float64(nlp.Dot(sums[a], sums[b]))/float64(count[a]*count[b]))
			}
		}
		links = append(links, best)
	}
	slices.Sort(links)
	return links[len(links)*19/20]
}

// centred is a vector without what all have in common.
func (c *Cut) centred(v []float32) []float32 {
	if c.centre == nil {
		return v
	}
	out := make([]float32, len(v))
	for k := range v {
		out[k] = v[k] - c.centre[k]
	}
	nlp.Normalize(out)
	return out
}

// impact is how much is won when a cluster is answered.
func impact(month int, solved, ageDays float64) float64 {
	return float64(month) * (1 - solved) * math.Pow(0.5, math.Max(0, ageDays)/14)
}
