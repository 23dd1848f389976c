package worker

// clockMap leads from recogniser time to call time, both in samples. The gate
// leaves audio out and pads some in, so the recogniser's clock runs by pieces:
//
//	call        0----5  (silence left out)  9-----14
//	recogniser  0----5------------------5+pad----10+pad
type clockMap struct {
	fed    int64 // recogniser time: samples fed so far
	pieces []piece
}

// piece says that recogniser time rec and call time call are the same moment;
// padded pieces stand still in call time.
type piece struct {
	rec, call int64
	pad       bool
}

// audio notes that n samples from call time call on are fed.
func (c *clockMap) audio(call int64, n int) {
	if k := len(c.pieces) - 1; k < 0 || c.pieces[k].pad || c.pieces[k].call+c.fed-c.pieces[k].rec != call {
		c.pieces = append(c.pieces, piece{rec: c.fed, call: call})
	}
	c.fed += int64(n)
}

// padding notes that n samples are fed which are not in the call.
func (c *clockMap) padding(n int) {
	call := int64(0)
	if c.fed > 0 {
		call = c.call(c.fed)
	}
	c.pieces = append(c.pieces, piece{rec: c.fed, call: call, pad: true})
	c.fed += int64(n)
}

// call gives the call time of a recogniser time. At a border the earlier piece
// counts: a word's end belongs to the audio before it.
func (c *clockMap) call(rec int64) int64 { return c.at(rec, false) }

// start is call for the beginning of a word: at a border the later piece counts.
func (c *clockMap) start(rec int64) int64 { return c.at(rec, true) }

func (c *clockMap) at(rec int64, later bool) int64 {
	for k := len(c.pieces) - 1; k >= 0; k-- {
		p := c.pieces[k]
		if p.rec < rec || (later && p.rec == rec) || k == 0 {
			if p.pad {
				return p.call
			}
			return p.call + rec - p.rec
		}
	}
	return rec
}

// forget drops the pieces that end before recogniser time rec.
func (c *clockMap) forget(rec int64) {
	n := 0
	for n+1 < len(c.pieces) && c.pieces[n+1].rec <= rec {
		n++
	}
	c.pieces = append(c.pieces[:0], c.pieces[n:]...)
}
