package api

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"tingxin/call"
	"tingxin/emotion"
)

func TestHeatIsTheGreatestOfItsParts(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) *time.Time { v := now.Add(-d); return &v }
	both := []call.PartyItem{{Leg: 1, Side: call.SideCaller}, {Leg: 2, Side: call.SideAgent, User: "anna"}}
	held := func(d time.Duration) []call.PartyItem {
		return []call.PartyItem{both[0], {Leg: 2, Side: call.SideAgent, User: "anna", Held: true, Since: now.Add(-d)}}
	}
	for _, c := range []struct {
		name    string
		call    call.Snapshot
		wait    float64
		repeats int
		heat    float64
		parts   string
	}{
		{"calm", call.Snapshot{HeardAt: at(3 * time.Second), Parties: both}, 0, 0, 0, ""},
		{"just silent enough", call.Snapshot{HeardAt: at(20 * time.Second), Parties: both}, 0, 0, 0, ""},
		{"silent", call.Snapshot{HeardAt: at(40 * time.Second), Parties: both}, 0, 0, .75, "silence .75"},
		{"silent for ever", call.Snapshot{HeardAt: at(time.Hour), Parties: both}, 0, 0, 1, "silence 1"},
		{"silent in the menu", call.Snapshot{HeardAt: at(time.Minute), Parties: both[:1]}, 0, 0, 0, ""},
		{"held", call.Snapshot{HeardAt: at(time.Minute), Parties: held(time.Minute)}, 0, 0, 0, ""},
		{"held long", call.Snapshot{HeardAt: at(time.Minute), Parties: held(4 * time.Minute)}, 0, 0, .75, "hold .75"},
		{"waits", call.Snapshot{}, .75, 0, .5, "sla .5"},
		{"waits too long", call.Snapshot{}, 3, 0, 1, "sla 1"},
		{"calls again", call.Snapshot{}, 0, 2, .6, "repeat .6"},
		{"tense", call.Snapshot{Summary: call.Summary{Mood: &call.MoodItem{State: emotion.StateTense, Now: .55}}}, 0, 1, .55, "emotion .55 repeat .4"},
		{"alerted", call.Snapshot{Summary: call.Summary{Mood: &call.MoodItem{State: emotion.StateAngry, Now: .7}, Alert: &call.AlertItem{Level: emotion.LevelSupervisor}}}, .9, 0, .95, "emotion .95 sla .6"},
		{"nothing was read", call.Snapshot{Summary: call.Summary{Mood: &call.MoodItem{State: emotion.StateUnknown, Now: .9}}}, 0, 0, 0, ""},
	} {
		c.call.ID = "x"
		it := heatOf(&c.call, c.wait, c.repeats, now)
		parts := ""
		for i, p := range it.Parts {
			if i > 0 {
				parts += " "
			}
			parts += p.Kind + " " + trimmed(p.Score)
		}
		if trimmed(it.Heat) != trimmed(c.heat) || parts != c.parts {
			t.Errorf("%s: heat %.3f of %q, want %.2f of %q", c.name, it.Heat, parts, c.heat, c.parts)
		}
	}
}

// trimmed is a share as the table has it: 1, .75, .6.
func trimmed(v float64) string {
	s := fmt.Sprintf("%.2f", v)
	for len(s) > 1 && s[len(s)-1] == '0' {
		s = s[:len(s)-1]
	}
	if s[len(s)-1] == '.' {
		return s[:len(s)-1]
	}
	return s[1:]
}

func TestHeatListCountsEarlierCalls(t *testing.T) {
	h := open(t)
	h.endedCall(time.Now().Add(-time.Hour))
	h.endedCall(time.Now().Add(-2 * time.Hour))
	h.endedCall(time.Now().Add(-30 * time.Hour)) // too long ago
	h.live.calls = []call.Snapshot{
		{Summary: call.Summary{ID: newCallID(t), State: call.StateActive, From: "+8613800138000", Trunk: "north"}},
		{Summary: call.Summary{ID: newCallID(t), State: call.StateActive, From: "other", Trunk: "north"}},
	}
	if a := h.as(RoleAgent).get(base + "/calls/heat"); a.status != http.StatusForbidden {
		t.Errorf("an agent: %s", a)
	}
	var out HeatList
	h.as(RoleSupervisor).ok(base+"/calls/heat", &out)
	if len(out.Items) != 1 || out.Items[0].Call != h.live.calls[0].ID || len(out.Items[0].Parts) != 1 || out.Items[0].Parts[0].Value != 2 || out.Items[0].Parts[0].Kind != "repeat" {
		t.Errorf("%+v", out)
	}
	if n, err := h.store.Repeats(context.Background(), nil, time.Now()); err != nil || len(n) != 0 {
		t.Errorf("%v %v", n, err)
	}
}
