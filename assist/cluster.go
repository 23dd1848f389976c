package assist

import (
	"cmp"
	"math"
	"slices"

	"tingxin/nlp"
)

// Cut-offs of clusters until they are measured on labelled pairs.
const (
	defaultNear  = 0.82 // of a question to the one that leads a cluster
	defaultLink  = 0.78 // mean between two clusters that become one
	linkBehind   = defaultNear - defaultLink
	minimumSize  = 3
	enoughPairs  = 60 // labelled pairs of each sort, to measure a cut-off on
	wantedPurity = 0.9
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
	Pairs     int     `json:"pairs" doc:"labelled pairs that it was measured on; 0: it is the starting value"`
	Precision float64 `json:"precision" doc:"of those pairs that it takes for one, how many are"`
	Recall    float64 `json:"recall" doc:"of pairs that are one, how many it takes for one"`
}

// measured draws the cut-off from pairs of texts that are known to mean the same or not:
// the lowest cosine at which nine of ten pairs above are one, or the best balance when
// there is none.
func measured(same, other []float64) Cut {
	c := Cut{Near: defaultNear, Link: defaultLink}
	if len(same) < enoughPairs || len(other) < enoughPairs {
		return c
	}
	type pair struct {
		cosine float64
		same   bool
	}
	all := make([]pair, 0, len(same)+len(other))
	for _, x := range same {
		all = append(all, pair{x, true})
	}
	for _, x := range other {
		all = append(all, pair{x, false})
	}
	slices.SortFunc(all, func(a, b pair) int { return cmp.Compare(b.cosine, a.cosine) })
	// As many of either sort: which share of all pairs is one says nothing of the texts.
	weight := float64(len(same)) / float64(len(other))
	right, wrong, bestF1 := 0.0, 0.0, 0.0
	c.Pairs = len(all)
	pure := false
	for i, p := range all {
		if p.same {
			right++
		} else {
			wrong += weight
		}
		if i+1 < len(all) && all[i+1].cosine == p.cosine {
			continue
		}
		precision, recall := right/(right+wrong), right/float64(len(same))
		f1 := 2 * precision * recall / math.Max(precision+recall, 1e-9)
		if precision >= wantedPurity && recall >= 0.2 {
			pure = true
			c.Near, c.Precision, c.Recall = p.cosine, round(precision), round(recall)
		} else if !pure && f1 > bestF1 {
			bestF1 = f1
			c.Near, c.Precision, c.Recall = p.cosine, round(precision), round(recall)
		}
	}
	c.Near = math.Min(0.95, math.Max(0.6, c.Near))
	c.Link = c.Near - linkBehind
	return c
}

// impact is how much is won when a cluster is answered.
func impact(month int, solved, ageDays float64) float64 {
	return float64(month) * (1 - solved) * math.Pow(0.5, math.Max(0, ageDays)/14)
}
