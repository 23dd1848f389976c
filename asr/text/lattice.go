package text

// An edge is one way to write tokens[from:to): the words "twenty dollars" have the
// edges "twenty", "20", "dollars" and "$20".
type edge struct {
	from, to int
	text     string
	cost     float64
	// fixed text keeps its own case, also at the start of a sentence.
	fixed bool
}

// Costs per edge. A word left as it is costs 1, so a longer rule wins over the
// shorter ones within it, and the differences only decide between equals.
const (
	costPlain    = 1.0
	costCardinal = 0.7
	costOrdinal  = 0.68
	costDigits   = 0.66
	costDecimal  = 0.62
	costYear     = 0.6
	costTime     = 0.55
	costDate     = 0.5
	costMoney    = 0.5
)

// cheapest returns the edges of the cheapest path from 0 to n. Every position
// must have at least one edge to the next, which the plain words are.
func cheapest(n int, edges [][]edge) []edge {
	best := make([]float64, n+1)
	via := make([]edge, n+1)
	for i := 1; i <= n; i++ {
		best[i] = -1
	}
	for i := range n {
		if best[i] < 0 {
			continue
		}
		for _, e := range edges[i] {
			if c := best[i] + e.cost; best[e.to] < 0 || c < best[e.to] {
				best[e.to], via[e.to] = c, e
			}
		}
	}
	var path []edge
	for i := n; i > 0; i = via[i].from {
		path = append(path, via[i])
	}
	for l, r := 0, len(path)-1; l < r; l, r = l+1, r-1 {
		path[l], path[r] = path[r], path[l]
	}
	return path
}
