package queue

import "time"

// OnClose is what becomes of callers who wait when their queue closes: when its opening hours end, or when nobody
// has been at work for EmptyAfter.
type OnClose string

// The rules.
const (
	CloseServe OnClose = "serve" // they are served as long as somebody is at work who may be asked, then sent on; the default
	CloseSend  OnClose = "send"  // they are sent on as soon as the opening hours end
	CloseKeep  OnClose = "keep"  // they wait on, until their flow or they have enough
)

// OnCloses are all of them.
var OnCloses = []OnClose{CloseServe, CloseSend, CloseKeep}

// ReasonClosed is the reason of Left when a caller was sent on: the flow goes the way of a closed queue. Figures count
// the caller as one who was not served, like one who gave up.
const ReasonClosed = "closed"

// SetClosed says whether the opening hours of a queue are over. Who looks at the calendars tells it again every few seconds.
func (r *Router) SetClosed(id QueueID, closed bool, now time.Time) {
	if l := r.lanes[id]; l != nil && l.closed != closed {
		l.closed = closed
		r.Step(now)
	}
}

// sendOn ends the waiting of callers whose queue has closed. Whoever rings may still take them; call-backs, text and
// entries of lists wait for the next day.
func (r *Router) sendOn(now time.Time) {
	type crew struct {
		queue    QueueID
		language string
	}
	at := map[crew]bool{} // somebody is at work
	var over []*Item
	for _, it := range r.items {
		l := r.lanes[it.Queue]
		if !it.onTheLine() || l.OnClose == CloseKeep {
			continue
		}
		c := crew{it.Queue, it.Language}
		there, known := at[c]
		if !known {
			there = r.anybody(l, it)
			at[c] = there
		}
		switch {
		case there:
			it.alone = time.Time{}
		case it.alone.IsZero():
			it.alone = now
		}
		if l.closed && (l.OnClose == CloseSend || !there) || !there && due(it.alone.Add(l.EmptyAfter), now) {
			over = append(over, it)
		}
	}
	sortByID(over)
	for _, it := range over {
		r.finish(it, r.countAbandon(it, r.lanes[it.Queue], now), now)
		r.changes[len(r.changes)-1].Reason = ReasonClosed
	}
}

// onTheLine tells of a caller who waits and at nobody rings.
func (it *Item) onTheLine() bool {
	return it.Kind == KindVoice && it.Phase == Waiting && it.Callback == nil
}

// anybody tells whether somebody is at work who may be asked for the work, now or when it has waited longer.
func (r *Router) anybody(l *lane, it *Item) bool {
	widest := Ring{}
	for _, ring := range l.Rings {
		widest.Sisters = widest.Sisters || ring.Sisters
		widest.Anyone = widest.Anyone || ring.Anyone
	}
	old := *it
	old.Guarded = true // by then the overflow helps too
	for m := range r.asked(l, &old, widest) {
		if a := r.agents[m.Agent]; a != nil && a.Presence == Available && a.speaks(it.Language) && a.speaks(l.Language) {
			return true
		}
	}
	return false
}
