package media

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"
)

// RoomSize is how many legs a room takes.
const RoomSize = 32

// ErrRoomFull says that a room has RoomSize members.
var ErrRoomFull = errors.New("room is full")

// Role is what a member of a room does there.
type Role uint8

const (
	// Talk hears all who talk and is heard by all: a party, or a supervisor who barges in.
	Talk Role = iota
	// Listen hears all who talk and is heard by nobody.
	Listen
	// Whisper hears all who talk and is heard by one member only.
	Whisper
	// Away neither hears nor is heard (on hold in the room).
	Away
)

// String names the role.
func (r Role) String() string {
	switch r {
	case Talk:
		return "talk"
	case Listen:
		return "listen"
	case Whisper:
		return "whisper"
	case Away:
		return "away"
	}
	return "unknown"
}

// Room mixes legs: every member hears the sum of those it may hear, without itself.
// Who may hear whom is a matrix made from the members' roles. The clock mixes between
// receiving and sending: of two who talk each sends what the other received in the same slot of the tick. Two
// parties alone are cheaper in a Bridge.
//
//	received frames of a tick -> sum of all who talk -> per listener: minus itself,
//	plus who whispers to it -> soft limit -> encode
type Room struct {
	engine *Engine
	state  atomic.Pointer[roomState] // read by the clock; replaced, never changed

	mu     sync.Mutex // guards changes of state, roles and closed
	closed bool

	// Clock goroutine only: the sums of the present tick.
	tick     int64
	slot     int
	present  *roomState
	sounding uint32 // members that have sound in this slot
	sum      [wideLen]int32
	summed   bool // sum is made
	at8k     bool // this tick is mixed at 8 kHz
	narrow   bool // all members are G.711 and nobody taps what is sent: the next tick is

	// lean says that nothing need be raised to 16 kHz any more; what is received from now on
	// heeds it. It follows narrow a tick later, since some have received for this tick already.
	lean atomic.Bool
}

// roomState is who is in the room. Bit i of a mask stands for members[i].
type roomState struct {
	members []*Member
	hears   []uint32
	talkers uint32
}

// Member is a leg in a room.
type Member struct {
	room *Room
	leg  *Leg
	role Role    // guarded by room.mu, like whom
	whom *Member // heard by, when whispering
}

// NewRoom makes an empty room.
func (e *Engine) NewRoom() *Room {
	r := &Room{engine: e, tick: -1}
	r.state.Store(&roomState{})
	e.rooms.Add(1)
	return r
}

// Enter takes a leg in. From now on it hears the room instead of a bridge or echo, which
// come back when it leaves; a prompt played on it replaces the room. A leg is in one room
// only: it leaves the one it was in.
func (r *Room) Enter(l *Leg, role Role) (*Member, error) {
	if role > Away || role == Whisper {
		return nil, fmt.Errorf("enter room: role %v", role)
	}
	if l.gone.Load() {
		return nil, fmt.Errorf("leg %s: enter room: %w", l.id, ErrClosed)
	}
	if old := l.seat.Load(); old != nil {
		old.Leave()
	}
	m := &Member{room: r, leg: l, role: role}
	r.mu.Lock()
	defer r.mu.Unlock()
	members := r.state.Load().members
	switch {
	case r.closed:
		return nil, fmt.Errorf("leg %s: enter room: %w", l.id, ErrClosed)
	case len(members) == RoomSize:
		return nil, fmt.Errorf("leg %s: enter room: %w", l.id, ErrRoomFull)
	}
	r.rebuild(append(slices.Clone(members), m))
	l.seat.Store(m)
	if l.gone.Load() { // closed meanwhile, and looked for its seat before
		r.leave(m)
	}
	return m, nil
}

// source is who tells a member's slot for sending: the only one it hears, else the first in the room, so that the
// sums of a tick are made once.
func (s *roomState) source(m *Member) *Leg {
	i := slices.Index(s.members, m)
	if i < 0 {
		return nil
	}
	if h := s.hears[i]; h != 0 && h&(h-1) == 0 {
		return s.members[bits.TrailingZeros32(h)].leg
	}
	return s.members[0].leg
}

// rebuild makes the matrix anew. mu is held.
func (r *Room) rebuild(members []*Member) {
	s := &roomState{members: members, hears: make([]uint32, len(members))}
	for i, m := range members {
		if m.role == Talk {
			s.talkers |= 1 << i
		}
	}
	for i, m := range members {
		if m.role != Away {
			s.hears[i] = s.talkers &^ (1 << i)
		}
	}
	for i, m := range members {
		if k := slices.Index(members, m.whom); m.role == Whisper && k >= 0 && m.whom.role != Away {
			s.hears[k] |= 1 << i
		}
	}
	r.state.Store(s)
}

// SetRole changes what the member does, at once: Talk barges in, Listen only hears. For
// Whisper see there.
func (m *Member) SetRole(role Role) {
	if role > Away || role == Whisper {
		return
	}
	m.set(role, nil)
}

// Whisper lets only one other member hear this one.
func (m *Member) Whisper(to *Member) { m.set(Whisper, to) }

func (m *Member) set(role Role, whom *Member) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	m.role, m.whom = role, whom
	m.room.rebuild(m.room.state.Load().members)
}

// TakeOver lets this member talk in the place of another, who goes on listening.
func (m *Member) TakeOver(from *Member) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	m.role, m.whom = Talk, nil
	if from != nil && from.room == m.room {
		from.role, from.whom = Listen, nil
	}
	m.room.rebuild(m.room.state.Load().members)
}

// Role is what the member does now, and to whom it whispers.
func (m *Member) Role() (role Role, whom *Member) {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	return m.role, m.whom
}

// Leg is the member's leg.
func (m *Member) Leg() *Leg { return m.leg }

// Hears says whether the member may hear another.
func (m *Member) Hears(o *Member) bool {
	s := m.room.state.Load()
	i, k := slices.Index(s.members, m), slices.Index(s.members, o)
	return i >= 0 && k >= 0 && s.hears[i]&(1<<k) != 0
}

// Leave takes the leg out. Twice is fine.
func (m *Member) Leave() {
	m.room.mu.Lock()
	defer m.room.mu.Unlock()
	m.room.leave(m)
}

// leave takes a member out. mu is held.
func (r *Room) leave(m *Member) {
	m.leg.seat.CompareAndSwap(m, nil)
	members := r.state.Load().members
	if slices.Contains(members, m) {
		r.rebuild(slices.DeleteFunc(slices.Clone(members), func(o *Member) bool { return o == m }))
	}
}

// Members are those in the room, in the order in which they came.
func (r *Room) Members() []*Member { return slices.Clone(r.state.Load().members) }

// Close sends everybody out. Twice is fine.
func (r *Room) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	r.closed = true
	for _, m := range r.state.Load().members {
		m.leg.seat.CompareAndSwap(m, nil)
	}
	r.rebuild(nil)
	r.engine.rooms.Add(-1)
}

// prepare finds who talks in this slot and returns who is in the room then: changes
// during the slot wait for the next. Clock goroutine.
func (r *Room) prepare(w *walker) *roomState {
	if r.tick == w.tick && r.slot == w.slot {
		return r.present
	}
	s := r.state.Load()
	if r.tick != w.tick {
		narrow := true
		for _, m := range s.members {
			if !Codec(m.leg.codec.Load()).narrow() || m.leg.sent.any() {
				narrow = false
			}
		}
		r.at8k = r.narrow
		r.lean.Store(r.narrow && narrow)
		r.narrow = narrow
	}
	r.present = s
	r.tick, r.slot, r.sounding, r.summed = w.tick, w.slot, 0, false
	for i, m := range s.members {
		if r.sound(m) != nil {
			r.sounding |= 1 << i
		}
	}
	return s
}

// total makes the sum of all who talk.
func (r *Room) total(s *roomState) {
	if r.summed {
		return
	}
	r.summed = true
	clear(r.sum[:])
	for t := s.talkers & r.sounding; t != 0; t &= t - 1 {
		for i, v := range r.sound(s.members[bits.TrailingZeros32(t)]) {
			r.sum[i] += int32(v)
		}
	}
}

// sound is what a member said in this tick, nil for nothing.
func (r *Room) sound(m *Member) []int16 {
	rx := &m.leg.rx
	switch {
	case m.leg.gone.Load() || !m.leg.live.Load() || rx.kind == playNothing || rx.kind == playGap:
		return nil
	case r.at8k:
		if rx.n == narrowLen {
			return rx.native[:narrowLen]
		}
	case rx.isWide:
		return rx.frame.PCM[:]
	}
	return nil
}

// mix writes what a member hears into out (8 or 16 kHz, as the room mixes) and says
// whether that is more than silence. Clock goroutine.
func (r *Room) mix(s *roomState, m *Member, out []int16) bool {
	i := slices.Index(s.members, m)
	if i < 0 {
		return false
	}
	want := s.hears[i] & r.sounding
	if want == 0 {
		return false
	}
	if want&(want-1) == 0 {
		for k, v := range r.sound(s.members[bits.TrailingZeros32(want)]) {
			out[k] = soft(int32(v))
		}
		return true
	}
	less := s.talkers & r.sounding &^ want // in the sum, not to be heard: itself
	more := want &^ s.talkers              // not in the sum: whispers
	var own, extra []int16
	if bits.OnesCount32(less) <= 1 && bits.OnesCount32(more) <= 1 {
		if less != 0 {
			own = r.sound(s.members[bits.TrailingZeros32(less)])
		}
		if more != 0 {
			extra = r.sound(s.members[bits.TrailingZeros32(more)])
		}
		r.total(s)
		r.limit(out, own, extra)
		return true
	}
	var sum [wideLen]int32
	for w := want; w != 0; w &= w - 1 {
		for k, v := range r.sound(s.members[bits.TrailingZeros32(w)]) {
			sum[k] += int32(v)
		}
	}
	for k := range out {
		out[k] = soft(sum[k])
	}
	return true
}

// limit is the common sum without own and with extra.
func (r *Room) limit(out, own, extra []int16) {
	switch {
	case own == nil && extra == nil:
		for k := range out {
			out[k] = soft(r.sum[k])
		}
	case extra == nil:
		for k := range out {
			out[k] = soft(r.sum[k] - int32(own[k]))
		}
	case own == nil:
		for k := range out {
			out[k] = soft(r.sum[k] + int32(extra[k]))
		}
	default:
		for k := range out {
			out[k] = soft(r.sum[k] - int32(own[k]) + int32(extra[k]))
		}
	}
}

// The soft limit: linear up to knee, then bent so that any sum stays within 16 bits.
const (
	knee = 24576
	head = 32767 - knee
)

func soft(x int32) int16 {
	switch {
	case x > knee:
		e := int64(x - knee)
		return int16(knee + e*head/(e+head))
	case x < -knee:
		e := -int64(x) - knee
		return int16(-knee - e*head/(e+head))
	}
	return int16(x)
}

// mixed makes what this leg hears of its room: in w.frame, or for a leg of G.711 in a
// narrow room in w.narrow. Clock goroutine, mu not held.
func (l *Leg) mixed(w *walker) soundKind {
	m := l.seat.Load()
	if m == nil {
		return soundNone
	}
	r := m.room
	s := r.prepare(w)
	l.follow(w, s.source(m))
	if r.at8k {
		if Codec(l.codec.Load()).narrow() && r.mix(s, m, w.narrow[:]) {
			return soundNarrow
		}
		return soundSilent
	}
	w.frame.Flags = 0
	if r.mix(s, m, w.frame.PCM[:]) {
		return soundFrame
	}
	return soundSilent
}
