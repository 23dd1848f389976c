package contact

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkImport is 2,000 rows of people nobody knows, with a number of the list, a telephone and an address each;
// then the same list again.
func BenchmarkImport(b *testing.B) {
	const rows = 2000
	var list strings.Builder
	list.WriteString("external_id,phone,email,name,language,tags\n")
	for i := range rows {
		fmt.Fprintf(&list, "c%d,138%08d,person%d@example.com,Person %d,zh,gold\n", i, i, i, i)
	}
	for _, again := range []bool{false, true} {
		name := "new"
		if again {
			name = "known"
		}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				s := newStore(b)
				load := func() {
					if out, err := s.Import(b.Context(), strings.NewReader(list.String()), false, "user:li"); err != nil || out.Failed > 0 {
						b.Fatalf("%+v %v", out, err)
					}
				}
				if again {
					load()
				}
				b.StartTimer()
				load()
			}
			b.ReportMetric(rows*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
