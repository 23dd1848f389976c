package worker

import "testing"

func TestClockMapOverGaps(t *testing.T) {
	var c clockMap
	c.audio(1000, 500)  // recogniser 0..500 is call 1000..1500
	c.padding(300)      // 500..800 stands still at 1500
	c.audio(9000, 1000) // 800..1800 is call 9000..10000
	c.audio(10000, 200) // goes on: no new piece
	c.audio(20000, 100) // 2000..2100
	if len(c.pieces) != 4 || c.fed != 2100 {
		t.Fatalf("%d pieces, fed %d", len(c.pieces), c.fed)
	}
	for _, x := range []struct{ rec, start, end int64 }{
		{0, 1000, 1000}, {250, 1250, 1250}, {500, 1500, 1500}, {650, 1500, 1500},
		{800, 9000, 1500}, // a word that begins here is in the later piece, one that ends here in the earlier
		{900, 9100, 9100}, {2000, 20000, 10200}, {2050, 20050, 20050}, {2100, 20100, 20100},
	} {
		if s, e := c.start(x.rec), c.call(x.rec); s != x.start || e != x.end {
			t.Errorf("recogniser %d: start %d end %d, want %d and %d", x.rec, s, e, x.start, x.end)
		}
	}
	c.forget(900)
	if len(c.pieces) != 2 || c.start(1000) != 9200 || c.start(2050) != 20050 {
		t.Errorf("after forget: %d pieces, %d", len(c.pieces), c.start(1000))
	}
}
