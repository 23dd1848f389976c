package call

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// routePark is the name of the route of calls that wait to be picked up.
const routePark = "park"

// ParkConfig are the numbers where calls wait to be picked up. Only our own users reach them.
type ParkConfig struct {
	// Slots is a range of numbers such as "701-720": whoever dials one picks up the call there. A transfer to one parks there.
	Slots string `yaml:"slots" koanf:"slots"`
	// Number parks at the first free slot when a call is transferred to it, such as "700"; none when empty.
	Number string `yaml:"number" koanf:"number"`
	// Timeout is how long a call waits before the user who parked it is rung; 2 min when zero.
	Timeout time.Duration `yaml:"timeout" koanf:"timeout"`
}

// maxSlots is how many slots there may be.
const maxSlots = 500

// parkTries is how often the parking user is rung before the call ends.
const parkTries = 3

// list are the slots in order; nil when the range is none.
func (p *ParkConfig) list() []string {
	from, to, _ := strings.Cut(p.Slots, "-")
	a, errA := strconv.Atoi(from)
	b, errB := strconv.Atoi(to)
	if errA != nil || errB != nil || a < 0 || b < a || b-a >= maxSlots || len(from) != len(to) {
		return nil
	}
	out := make([]string, 0, b-a+1)
	for n := a; n <= b; n++ {
		out = append(out, fmt.Sprintf("%0*d", len(from), n))
	}
	return out
}

func (p *ParkConfig) check() error {
	if p.Slots != "" && p.list() == nil {
		return fmt.Errorf("call.park.slots: %q is no range of at most %d numbers such as 701-720", p.Slots, maxSlots)
	}
	if p.Timeout < 0 {
		return fmt.Errorf("call.park.timeout is negative")
	}
	return nil
}

func (p *ParkConfig) has(number string) bool {
	return p.Slots != "" && number != "" && slices.Contains(p.list(), number)
}

// ParkedItem is a call that waits to be picked up: the payload of call.parked and an item of GET /parked.
type ParkedItem struct {
	Slot string    `json:"slot" doc:"the number to dial"`
	Call string    `json:"call"`
	From string    `json:"from"`
	By   string    `json:"by,omitempty" doc:"user who parked it"`
	At   time.Time `json:"at"`
}

// reserve takes a slot for a call: that one, or the first free one. ErrState when there is none.
func (m *Manager) reserve(want string, c *Call) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, slot := range m.cfg.Park.list() {
		if m.parked[slot] == nil && (want == slot || want == "" || want == m.cfg.Park.Number) {
			m.parked[slot] = c
			return slot, nil
		}
	}
	return "", fmt.Errorf("no free place to park: %w", ErrState)
}

// free gives a slot back.
func (m *Manager) free(slot string, c *Call) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.parked[slot] == c {
		delete(m.parked, slot)
	}
}

// at is the call in a slot, nil for none.
func (m *Manager) at(slot string) *Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.parked[slot]
}

// Parked are the calls that wait to be picked up, by slot.
func (m *Manager) Parked() []ParkedItem {
	out := []ParkedItem{}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, slot := range m.cfg.Park.list() {
		if c := m.parked[slot]; c != nil {
			s := c.snap.Load()
			if s.Parked != nil {
				out = append(out, *s.Parked)
			}
		}
	}
	return out
}

// Places is how many calls can be parked at once.
func (m *Manager) Places() int { return len(m.cfg.Park.list()) }

// Park lets the party across of user's leg wait in a slot, any free one when it is empty; user leaves. It returns the slot.
func (m *Manager) Park(ctx context.Context, id, user, slot string) (string, error) {
	if slot != "" && !m.cfg.Park.has(slot) {
		return "", ErrTarget
	}
	got := ""
	err := m.do(ctx, id, func(c *Call) error {
		by := c.legOf(user)
		if !c.mayLead(by) {
			return ErrState
		}
		r := Route{Name: routePark, slot: slot}
		if err := c.lead(by, r); err != nil {
			return err
		}
		got = c.parkedIn
		return nil
	})
	return got, err
}

// mayLead says whether the party across of a leg can go on elsewhere in the house.
func (c *Call) mayLead(by *leg) bool {
	return c.talking && c.moving == nil && c.reroute != nil && by != nil && c.place[by.row.Side] == by && c.place[other(by.row.Side)] != nil
}

// lead gives the party across of a leg to a route of the house; everybody else
// leaves. ErrState when a third party would be left alone, or no slot is free.
func (c *Call) lead(by *leg, r Route) error {
	if !c.mayLead(by) || slices.ContainsFunc(c.present(), func(l *leg) bool { return l.row.Role == RoleGuest }) {
		return ErrState
	}
	if r.slot != "" || r.Name == routePark {
		slot, err := c.m.reserve(r.slot, c)
		if err != nil {
			return err
		}
		r.slot, c.parkedIn, c.parkedBy = slot, slot, by.row.User
	}
	c.follow(c.place[other(by.row.Side)], r)
	return nil
}

// follow has the script serve the leg that stays by a route of the house; everybody else leaves.
func (c *Call) follow(stays *leg, r Route) {
	for _, l := range c.present() {
		if l != stays {
			c.leave(l, CauseTransferred)
		}
	}
	c.front = stays
	if stays.row.Side != SideCaller { // an agent's call out: the customer is now the one whom the script serves
		c.deafen(stays.row.Side)
		delete(c.place, stays.row.Side)
		c.place[SideCaller] = stays
		stays.row.Side, stays.row.Role = SideCaller, RoleCaller
		stays.media.AddLevels(&c.ear)
		c.retape(stays)
	}
	c.untalk()
	for len(c.keys) > 0 {
		<-c.keys
	}
	c.record.Route = r.Name
	reroute := c.reroute
	reroute(r)
	c.update()
}

// referInside leads the party across on for a telephone that asked for it.
func (c *Call) referInside(l *leg, r Route, report func(int, string)) {
	if err := c.lead(l, r); err != nil {
		report(486, "")
		return
	}
	report(200, "")
}

// runPark lets the caller wait with music until somebody picks up; the user who parked is rung now and then.
func (c *Call) runPark(ctx context.Context) {
	slot := c.route.slot
	defer c.m.free(slot, c)
	var item ParkedItem
	if c.ask(ctx, func() {
		item = ParkedItem{Slot: slot, Call: c.id, From: c.record.From, By: c.parkedBy, At: time.Now().UTC()}
		c.parkedNow = &item
		c.talk()
		c.rewire()
		c.refresh()
	}) != nil {
		return
	}
	c.m.parts.Bus.Publish("call.parked", c.id, item)
	for try := 1; ; try++ {
		if c.picked(ctx, c.m.cfg.Park.Timeout) {
			break
		}
		if ctx.Err() != nil {
			return
		}
		if c.ringBack(ctx, item.By) {
			break
		}
		if try == parkTries && ctx.Err() == nil {
			c.end(CauseNoAnswer, 480)
			return
		}
	}
	c.m.free(slot, c)
	_ = c.ask(ctx, func() { // an error ends this by itself
		c.parkedNow = nil
		c.publish("call.updated")
	})
	c.m.parts.Bus.Publish("call.unparked", c.id, item)
	<-ctx.Done()
}

// picked waits until somebody talks with the parked caller; false after d.
func (c *Call) picked(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		there := false
		if c.ask(ctx, func() { there = c.place[SideAgent] != nil }) != nil {
			return false
		}
		if there {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-timer.C:
			return false
		case <-tick.C:
		}
	}
}

// ringBack rings the user who parked the call.
func (c *Call) ringBack(ctx context.Context, user string) bool {
	if user == "" || c.m.dialer == nil {
		return false
	}
	ring, cancel := context.WithTimeout(ctx, c.m.cfg.Users.Timeout)
	defer cancel()
	l := c.newLeg(RolePeer, user, nil)
	if err := c.ring(ring, Target{User: user, From: c.in.From, FromName: c.in.FromName}, l); err != nil {
		return false
	}
	admitted := false
	_ = c.ask(ctx, func() { // an error leaves it out
		if c.place[SideAgent] == nil && c.admit(l) {
			admitted = true
			c.settle(SideAgent, l)
			c.update()
		}
	})
	if !admitted {
		c.drop(l, CauseCancelled)
	}
	return admitted
}

// runPickUp gives the leg of a user who dialled a slot to the call that waits there.
func (c *Call) runPickUp(ctx context.Context) {
	parked := c.m.at(c.route.slot)
	if parked == nil {
		c.end(CauseNoRoute, 404)
		return
	}
	if c.Answer(ctx) != nil {
		return
	}
	var on *leg
	if c.ask(ctx, func() { on = c.handOver(c.legs[0]) }); on == nil {
		return
	}
	taken := false
	_ = parked.ask(context.WithoutCancel(ctx), func() { // an error leaves it out
		if parked.parkedNow == nil || parked.place[SideAgent] != nil {
			return
		}
		if taken = parked.adopt(on); taken {
			on.row.Role = RolePeer
			parked.settle(SideAgent, on)
			parked.update()
		}
	})
	if !taken {
		c.drop(on, CauseNoAnswer)
	}
}
