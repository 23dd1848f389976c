package call

import (
	"slices"
	"time"

	"tingxin/media"
)

// The talk is who hears whom once the caller is no longer with a script. It is
// never changed step by step: whatever happens to the legs, rewire looks at them
// as they are and makes a bridge, a room, or music of it.

// talk begins the talk with the caller's leg.
func (c *Call) talk() {
	if c.talking {
		return
	}
	c.talking = true
	l := c.front
	if !l.joined {
		l.joined = true
		c.serveKeys(l)
	}
	c.place[SideCaller] = l
}

// settle gives a leg the place of a side; recording and words of that side go on with it.
func (c *Call) settle(side string, l *leg) {
	if old := c.place[side]; old != nil && old != l {
		c.deafen(side)
	}
	c.place[side] = l
	l.row.Side = side
	if c.playing != nil {
		c.playing.out.Stop() // an announcement to somebody who no longer waits
	}
	if side == SideCaller {
		c.retape(l)
	}
	c.rewire()
	if c.route.Transcribe && c.spoke[side] || c.route.Flow != "" && c.wordsOf(SideCaller) {
		c.wg.Go(func() { _ = c.hear(c.ctx, side, l.media) }) // ends with ctx
	}
}

// wordsOf says whether the words of a side are taken down.
func (c *Call) wordsOf(side string) bool {
	state := c.record.Transcription[side]
	return state == TranscriptionLive || state == TranscriptionDeferred
}

// present are the legs of the talk, in the order in which they came.
func (c *Call) present() []*leg {
	var here []*leg
	for _, l := range c.legs {
		if l.joined && !l.left {
			here = append(here, l)
		}
	}
	return here
}

// rewire makes the sound follow the legs as they are now.
func (c *Call) rewire() {
	if !c.talking || c.ctx.Err() != nil {
		return
	}
	here := c.present()
	switch {
	case len(here) == 2 && !c.route.Mix && here[0].talks() && here[1].talks() && here[0].open() && here[1].open():
		c.closeRoom()
		c.join(here[0].media, here[1].media)
	case len(here) > 2, len(here) == 2 && c.route.Mix:
		c.unjoin()
		c.mix(here)
	default:
		c.unjoin()
		c.closeRoom()
	}
	for _, l := range here {
		c.soothe(l, lonely(l, here))
	}
	for side, l := range c.place {
		if h := c.sides[side].ear; h != nil {
			h.muted.Store(!l.open() || !c.hidden.IsZero())
		}
	}
	c.refresh()
}

func (c *Call) join(a, b *media.Leg) {
	if c.bridge != nil && c.joined == [2]*media.Leg{a, b} {
		return
	}
	c.unjoin()
	c.bridge, c.joined = media.Join(a, b), [2]*media.Leg{a, b}
}

func (c *Call) unjoin() {
	if c.bridge != nil {
		c.bridge.Close()
		c.bridge = nil
	}
}

// mix puts everybody into the room with what they may hear and say there.
func (c *Call) mix(here []*leg) {
	if c.room == nil {
		c.room = c.m.parts.Engine.NewRoom()
	}
	for _, l := range here {
		if l.seat != nil {
			continue
		}
		seat, err := c.room.Enter(l.media, media.Listen) // nobody is heard before the matrix says so
		if err != nil {
			c.log.Error("enter room", "leg", l.row.N, "error", err)
			continue
		}
		l.seat = seat
	}
	replaced := slices.ContainsFunc(here, func(l *leg) bool { return l.mode == ModeTakeOver })
	agent := c.place[SideAgent]
	for _, l := range here {
		switch {
		case l.seat == nil:
		case !l.open():
			l.seat.SetRole(media.Away)
		case l.mode == ModeListen, l.mode == ModeWhisper && (agent == nil || agent.seat == nil), l == agent && replaced:
			l.seat.SetRole(media.Listen)
		case l.mode == ModeWhisper:
			l.seat.Whisper(agent.seat)
		default:
			l.seat.SetRole(media.Talk)
		}
	}
}

func (c *Call) closeRoom() {
	if c.room == nil {
		return
	}
	c.room.Close()
	c.room = nil
	for _, l := range c.legs {
		l.seat = nil
	}
}

// lonely says whether a party waits while nobody is there to talk with.
func lonely(l *leg, here []*leg) bool {
	if !l.talks() || !l.open() {
		return false
	}
	return !slices.ContainsFunc(here, func(o *leg) bool {
		return o != l && o.open() && (o.talks() || o.mode == ModeBarge || o.mode == ModeTakeOver)
	})
}

// soothe plays music to a leg, or ends it.
func (c *Call) soothe(l *leg, on bool) {
	switch {
	case !on && l.music != nil:
		l.music.Stop()
		l.music = nil
	case on && c.playing == nil && (l.music == nil || closed(l.music.Done())):
		l.music = l.media.Play(c.tune.Listen())
	}
}

// closeTalk ends the talk's sound at the end of the call.
func (c *Call) closeTalk() {
	for _, l := range c.legs {
		if l.music != nil {
			l.music.Stop()
			l.music = nil
		}
	}
	c.unjoin()
	c.closeRoom()
}

// hold is told that a party put us on hold, or took us back.
func (c *Call) hold(l *leg, held bool) {
	if l.held == held || l.left {
		return
	}
	l.held = held
	l.since = time.Now().UTC()
	c.log.Debug("hold", "leg", l.row.N, "held", held)
	c.toldHold(l)
}

func (c *Call) toldHold(l *leg) {
	c.rewire()
	if c.talking {
		c.m.parts.Bus.Publish("call.hold", c.id, HoldItem{Leg: l.row.N, Side: l.row.Side, User: l.row.User, Held: l.held || l.parked})
		c.publish("call.updated")
	}
}

// deafen ends recognition and reading of a side whose party leaves. What was said is still written.
func (c *Call) deafen(side string) {
	sd := c.sides[side]
	if h := sd.ear; h != nil {
		sd.ear = nil
		c.spoke[side] = true
		h.remove()
		h.stream.Finish()
		sd.partial = nil
		c.wg.Go(func() { // ends when the last words have come, or after wordsTimeout
			timer := time.NewTimer(wordsTimeout)
			defer timer.Stop()
			select {
			case <-h.ended:
			case <-timer.C:
			}
			_ = h.stream.Close()
		})
	}
	sd.lost = time.Time{}
	c.unfeel(sd)
}
