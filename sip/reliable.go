package sip

import (
	"strconv"
	"strings"
	"time"

	"tingxin/call"
	"tingxin/sip/wire"
)

// reliable is a provisional response in flight until its PRACK (RFC 3262).
type reliable struct {
	rseq     uint32
	seq      uint32
	msg      []byte
	tx       *serverTx
	interval time.Duration
	giveUp   time.Time
}

// sendReliable sends resp with RSeq and repeats it until the PRACK.
func (d *dialog) sendReliable(resp *wire.Message) {
	d.rseq++
	resp.Add("Require", "100rel").Add("RSeq", itoa(int(d.rseq)))
	n, _, _ := d.in.req.CSeq()
	d.rel = &reliable{rseq: d.rseq, seq: n, msg: resp.Bytes(), tx: d.in.tx, interval: d.s.cfg.T1,
		giveUp: time.Now().Add(64 * d.s.cfg.T1)}
	d.in.tx.respond(resp)
	d.arm(timerReliable, d.rel.interval)
}

func (d *dialog) repeatReliable() {
	r := d.rel
	if r == nil || d.phase != early {
		return
	}
	now := time.Now()
	if !now.Before(r.giveUp) {
		d.rel = nil
		d.refuse(504, "", nil)
		d.end(call.CauseError, true)
		return
	}
	d.s.stats.resent.Add(1)
	d.s.sendResponse(r.tx.req, r.tx.flow, r.msg)
	r.interval *= 2
	d.arm(timerReliable, min(r.interval, r.giveUp.Sub(now)))
}

// onPrack acknowledges a reliable provisional and goes on with what waited.
func (d *dialog) onPrack(m *wire.Message, tx *serverTx) {
	rseq, seq, ok := rack(m.Get("RAck"))
	if !ok {
		tx.respond(d.reply(m, 400, ""))
		return
	}
	if d.rel == nil || d.rel.rseq != rseq || d.rel.seq != seq {
		tx.respond(d.reply(m, 481, ""))
		return
	}
	resp := d.reply(m, 200, "")
	if body := m.SDP(); body != nil {
		if d.offering() {
			if err := d.takeAnswer(body); err != nil {
				tx.respond(d.reply(m, 488, ""))
				return
			}
			d.openMedia()
		} else {
			answer, status, err := d.takeOffer(body)
			if err != nil {
				tx.respond(d.reply(m, status, ""))
				return
			}
			resp.SetBody("application/sdp", answer)
		}
	}
	d.rel = nil
	d.disarm(timerReliable)
	tx.respond(resp)
	next := d.relNext
	d.relNext = nil
	for _, f := range next {
		f()
	}
}

// rack reads "rseq cseq INVITE".
func rack(v string) (rseq, seq uint32, ok bool) {
	f := strings.Fields(v)
	if len(f) != 3 || f[2] != "INVITE" {
		return 0, 0, false
	}
	a, err1 := strconv.ParseUint(f[0], 10, 32)
	b, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(a), uint32(b), err1 == nil && err2 == nil
}
