package feedback

import "math"

// npsOf sums up how often each answer from 0 to 10 was given; nil when none was. The interval is the adjusted Wald one: three answers
// are added, 3/4 of them promoters and 3/4 detractors, so that few answers, or answers that all agree, are not taken for certain (B. Rocks,
// "Interval Estimation for the Net Promoter Score", The American Statistician 70, 2016). It is made to hold the score itself.
func npsOf(answers [11]int) *NPSFigures {
	f := NPSFigures{}
	for score, n := range answers {
		switch {
		case score >= 9:
			f.Promoters += n
		case score <= 6:
			f.Detractors += n
		default:
			f.Passives += n
		}
	}
	n := f.Promoters + f.Passives + f.Detractors
	if n == 0 {
		return nil
	}
	f.Score = 100 * float64(f.Promoters-f.Detractors) / float64(n)
	const more, z = 3.0, 1.959964
	total := float64(n) + more
	p, d := (float64(f.Promoters)+more/4)/total, (float64(f.Detractors)+more/4)/total
	middle, half := p-d, z*math.Sqrt((p+d-(p-d)*(p-d))/total)
	f.Low, f.High = min(100*max(middle-half, -1), f.Score), max(100*min(middle+half, 1), f.Score)
	return &f
}
