package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/call"
	"tingxin/emotion"
	"tingxin/queue"
)

// Bounds of the heat list; starting values.
const (
	silenceLimit = 20 * time.Second
	holdLimit    = 2 * time.Minute
	repeatTime   = 24 * time.Hour // earlier calls of the same number count this far back
	maxHeat      = 100            // entries of an answer
)

// HeatPart is one reason why a call needs somebody, between 0 and 1.
type HeatPart struct {
	Kind  string  `json:"kind" enum:"emotion,sla,silence,hold,repeat"`
	Score float64 `json:"score" doc:"0 to 1; from 0.5 on it needs somebody"`
	Value float64 `json:"value" doc:"what was measured: mood 0 to 1, share of the promised wait, seconds of silence or hold, earlier calls of the last 24 hours"`
}

// HeatItem is a running call by how much it needs a supervisor: the greatest of its parts.
type HeatItem struct {
	Call  string     `json:"call"`
	Heat  float64    `json:"heat"`
	Parts []HeatPart `json:"parts" nullable:"false" doc:"the greatest first"`
}

// HeatList is the body of GET /calls/heat.
type HeatList struct {
	At    time.Time  `json:"at"`
	Items []HeatItem `json:"items"`
}

func (s *Server) heatRoutes(api huma.API) {
	huma.Register(api, operation("heat", http.MethodGet, "/calls/heat", "calls", "Which running calls need a supervisor now, and why, the hottest first, at most 100"), s.heatList)
}

func (s *Server) heatList(ctx context.Context, _ *struct{}) (*bodyOf[HeatList], error) {
	live, err := seenCalls(ctx, s, s.parts.Live.Live(), idOfLive)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	waits, err := s.waits(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	now := s.now()
	repeats, err := s.repeats(ctx, live, now)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := HeatList{At: now.UTC(), Items: []HeatItem{}}
	for i := range live {
		c := &live[i]
		if it := heatOf(c, waits[queue.WorkID(c.ID)], repeats[c.From], now); it.Heat > 0 {
			out.Items = append(out.Items, it)
		}
	}
	slices.SortStableFunc(out.Items, func(a, b HeatItem) int { return cmp.Compare(b.Heat, a.Heat) })
	out.Items = out.Items[:min(len(out.Items), maxHeat)]
	return &bodyOf[HeatList]{out}, nil
}

// waits are the shares of the promised wait that are used up, by the work that waits.
func (s *Server) waits(ctx context.Context) (map[queue.WorkID]float64, error) {
	if s.parts.Queues == nil {
		return nil, nil
	}
	boards, err := s.parts.Queues.Boards(ctx)
	if err != nil {
		return nil, err
	}
	promised := map[queue.QueueID]time.Duration{}
	for _, b := range boards {
		promised[b.Queue] = b.Promise.Within
	}
	items, err := s.parts.Queues.Items(ctx, "")
	if err != nil {
		return nil, err
	}
	now, out := s.now(), map[queue.WorkID]float64{}
	for i := range items {
		it := &items[i]
		if within := promised[it.Queue]; within > 0 && (it.Phase == queue.Waiting || it.Phase == queue.Offered) {
			out[it.ID] = now.Sub(it.Since).Seconds() / within.Seconds()
		}
	}
	return out, nil
}

// repeats counts the earlier calls of those who are calling now.
func (s *Server) repeats(ctx context.Context, live []call.Snapshot, now time.Time) (map[string]int, error) {
	var numbers []string
	for i := range live {
		if c := &live[i]; c.From != "" && c.Trunk != "" {
			numbers = append(numbers, c.From)
		}
	}
	if len(numbers) == 0 {
		return nil, nil
	}
	return s.parts.Calls.Repeats(ctx, numbers, now.Add(-repeatTime))
}

// heatOf weighs one running call. wait is the share of the promised wait that is used up.
func heatOf(c *call.Snapshot, wait float64, repeats int, now time.Time) HeatItem {
	it := HeatItem{Call: c.ID, Parts: []HeatPart{}}
	add := func(kind string, score, value float64) {
		if score > 0 {
			it.Parts = append(it.Parts, HeatPart{kind, min(score, 1), value})
		}
	}
	if m := c.Mood; m != nil {
		add("emotion", moodHeat(c), float64(m.Now))
	} else if c.Alert != nil {
		add("emotion", moodHeat(c), float64(c.Alert.To))
	}
	add("sla", wait*2/3, wait) // a broken promise is 0.67: half as much again is all there is
	if quiet := silence(c, now); quiet > silenceLimit {
		add("silence", .5+(quiet-silenceLimit).Seconds()/80, quiet.Seconds())
	}
	if held := heldFor(c, now); held > holdLimit {
		add("hold", .5+(held-holdLimit).Seconds()/480, held.Seconds())
	}
	if repeats > 0 {
		add("repeat", .2+.2*float64(repeats), float64(repeats))
	}
	slices.SortStableFunc(it.Parts, func(a, b HeatPart) int { return cmp.Compare(b.Score, a.Score) })
	if len(it.Parts) > 0 {
		it.Heat = it.Parts[0].Score
	}
	return it
}

// moodHeat is the mood now, and more while an alert is open.
func moodHeat(c *call.Snapshot) float64 {
	heat := 0.0
	if m := c.Mood; m != nil && m.State != emotion.StateUnknown {
		heat = float64(m.Now)
	}
	switch a := c.Alert; {
	case a == nil:
	case a.Level == emotion.LevelSupervisor:
		heat = max(heat, .95)
	default:
		heat = max(heat, .75)
	}
	return heat
}

// silence is how long no voice was heard in a call that is talked in; on hold, or waiting, music plays.
func silence(c *call.Snapshot, now time.Time) time.Duration {
	ours := false
	for _, p := range c.Parties {
		if p.Held || p.Away {
			return 0
		}
		ours = ours || p.Side == call.SideAgent && !p.Ringing
	}
	if c.HeardAt == nil || !ours {
		return 0
	}
	return now.Sub(*c.HeardAt)
}

// heldFor is how long the longest hold of the call has lasted.
func heldFor(c *call.Snapshot, now time.Time) (longest time.Duration) {
	for _, p := range c.Parties {
		if p.Held && !p.Since.IsZero() {
			longest = max(longest, now.Sub(p.Since))
		}
	}
	return longest
}
