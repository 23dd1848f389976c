package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/call"
	"tingxin/pg"
	"tingxin/team"
)

// ginPath is a path as Gin writes it: {id} as :id.
func ginPath(path string) string {
	return strings.ReplaceAll(strings.ReplaceAll(path, "{", ":"), "}", "")
}

// CallPage is the body of GET /calls.
type CallPage struct {
	Items []call.Summary `json:"items"`
	Next  string         `json:"next,omitempty" doc:"cursor of the next page; absent on the last"`
	Total *int           `json:"total,omitempty" doc:"matches in all, at most 10000; on the first page only"`
}

// LiveCalls is the body of GET /calls/live. Seq is the last event it contains:
// later ones of the feed come on top.
type LiveCalls struct {
	Items []call.Snapshot `json:"items"`
	Seq   uint64          `json:"seq"`
}

// LegView is one leg of a call.
type LegView struct {
	N          int        `json:"n"`
	Side       string     `json:"side"`
	Role       call.Role  `json:"role" doc:"caller, peer, agent, guest or supervisor; empty in records of older versions"`
	User       string     `json:"user,omitempty" doc:"one of ours"`
	Direction  string     `json:"direction"`
	Peer       string     `json:"peer"`
	Codec      string     `json:"codec"`
	Transport  string     `json:"transport"`
	Secure     bool       `json:"secure"`
	StartedAt  *time.Time `json:"started_at,omitempty"`
	AnsweredAt *time.Time `json:"answered_at,omitempty"`
	EndedAt    *time.Time `json:"ended_at,omitempty"`
	Cause      call.Cause `json:"cause"`
	PacketsIn  int64      `json:"packets_in"`
	PacketsOut int64      `json:"packets_out"`
	Lost       int64      `json:"lost"`
	LossPct    float64    `json:"loss_pct"`
	JitterMS   float64    `json:"jitter_ms"`
	RTTMS      float64    `json:"rtt_ms"`
	MOS        float64    `json:"mos"`
}

// RecordingView is the sound of a call.
type RecordingView struct {
	DurationMS int64  `json:"duration_ms"`
	Bytes      int64  `json:"bytes"`
	URL        string `json:"url"`
}

// CallDetail is the body of GET /calls/{id}.
type CallDetail struct {
	call.Summary
	SIPStatus int            `json:"sip_status"`
	Legs      []LegView      `json:"legs"`
	Data      map[string]any `json:"data" doc:"variables of the flow"`
	Recording *RecordingView `json:"recording,omitempty"`
	// WrapUps are what its agents wrote, the newest first.
	WrapUps []call.WrapUp `json:"wrap_ups" nullable:"false" doc:"what its agents wrote, the newest first"`
}

// Transcript is the body of GET /calls/{id}/transcript.
type Transcript struct {
	Items []call.TranscriptItem `json:"items"`
}

func (s *Server) callRoutes(api huma.API) {
	huma.Register(api, operation("calls", http.MethodGet, "/calls", "calls", "Past and running calls, newest first", 400), s.listCalls)
	huma.Register(api, operation("live-calls", http.MethodGet, "/calls/live", "calls", "Running calls with what is just being said"), s.liveCalls)
	huma.Register(api, operation("call", http.MethodGet, "/calls/{id}", "calls", "One call", 404), s.getCall)
	huma.Register(api, operation("transcript", http.MethodGet, "/calls/{id}/transcript", "calls", "The words of a call", 404), s.getTranscript)
	hangup := operation("hang-up", http.MethodPost, "/calls/{id}/hangup", "calls", "End a running call: one's own, or for a supervisor any", 403, 404)
	hangup.DefaultStatus = http.StatusNoContent
	huma.Register(api, hangup, s.hangUp)
}

type listInput struct {
	State  string    `query:"state" enum:"ringing,active,ended"`
	From   string    `query:"from" maxLength:"64" doc:"part of the caller's number"`
	To     string    `query:"to" maxLength:"64" doc:"part of the dialled number"`
	Since  time.Time `query:"since" doc:"started at or after"`
	Until  time.Time `query:"until" doc:"started before"`
	Trunk  string    `query:"trunk" maxLength:"64"`
	Agent  string    `query:"agent" maxLength:"64" doc:"user name of a party, or me"`
	Result string    `query:"disposition" maxLength:"64" doc:"code that an agent chose"`
	Mood   string    `query:"mood" enum:"alert,angry,worse,better,read" doc:"of the caller: an alert, angry over all, worse or better from start to end, read at all"`
	Q      string    `query:"q" maxLength:"400" doc:"words said, \"a phrase\", -not, or part of a number"`
	Cursor string    `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit  int       `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

func (s *Server) listCalls(ctx context.Context, in *listInput) (*bodyOf[CallPage], error) {
	if slices.Contains(callerOf(ctx).hidden, team.Phone) && (in.From != "" || in.To != "" || numbered(in.Q)) {
		return nil, errGuess()
	}
	f := call.Filter{State: call.State(in.State), From: in.From, To: in.To, Since: in.Since, Until: in.Until,
		Trunk: in.Trunk, Agent: in.Agent, Disposition: in.Result, Mood: in.Mood, Query: in.Q, Cursor: in.Cursor, Limit: in.Limit, Count: in.Cursor == ""}
	if f.Agent == "me" {
		f.Agent = callerOf(ctx).User.Username
	}
	page, err := s.parts.Calls.List(ctx, f)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := CallPage{Items: page.Items, Next: page.Next}
	if f.Count {
		out.Total = &page.Total
	}
	s.refresh(out.Items)
	return &bodyOf[CallPage]{out}, nil
}

// errGuess is for those who look for calls by what is hidden from them.
func errGuess() error {
	return huma.Error403Forbidden("your role does not look for calls by what is masked")
}

// numbered tells whether words to look for are a number: by trying, one would read what is masked.
func numbered(q string) bool {
	digits := 0
	for _, r := range q {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	return digits >= 3
}

// refresh replaces rows of running calls by what is true now: the table lags behind them.
func (s *Server) refresh(items []call.Summary) {
	live := map[string]call.Summary{}
	for _, snap := range s.parts.Live.Live() {
		live[snap.ID] = snap.Summary
	}
	for i, it := range items {
		if now, ok := live[it.ID]; ok && it.State != call.StateEnded {
			now.Snippet, now.Disposition, now.Tags = it.Snippet, it.Disposition, it.Tags
			items[i] = now
		}
	}
}

func (s *Server) liveCalls(ctx context.Context, in *asker) (*bodyOf[LiveCalls], error) {
	seq := s.parts.Bus.Seq() // before the snapshot: what comes in between is told twice, never lost
	here, err := seenCalls(ctx, s, s.parts.Live.Live(), idOfLive)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	items := append(here, s.runningElsewhere(ctx, in)...) // the others ask with the same login
	if items == nil {
		items = []call.Snapshot{}
	}
	for i := range items {
		if items[i].Parties == nil {
			items[i].Parties = []call.PartyItem{}
		}
		if items[i].Partial == nil {
			items[i].Partial = map[string]call.PartialItem{}
		}
	}
	return &bodyOf[LiveCalls]{LiveCalls{items, seq}}, nil
}

type callInput struct {
	ID string `path:"id" maxLength:"36" doc:"UUIDv7 of the call"`
}

func (s *Server) getCall(ctx context.Context, in *callInput) (*bodyOf[CallDetail], error) {
	r, err := s.parts.Calls.Get(ctx, in.ID)
	if err != nil {
		return s.runningOnly(ctx, in.ID, err)
	}
	legs, err := s.parts.Calls.Legs(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := CallDetail{Summary: r.Summary(), SIPStatus: r.SIPStatus, Legs: make([]LegView, len(legs)), Data: r.Data}
	for i := range legs {
		out.Legs[i] = legView(&legs[i])
	}
	if len(legs) > 0 && legs[0].Quality.MOS > 0 {
		q := legs[0].Quality
		out.Quality = &call.QualityNow{MOS: q.MOS, LossPct: q.LossPct, JitterMS: q.JitterMS}
	}
	moods, err := s.parts.Calls.Moods(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	for i := range moods {
		if moods[i].Side == call.SideCaller {
			m := moods[i].Item(s.parts.Calls.MoodOf(moods[i].Value))
			out.Mood = &m
		}
	}
	if out.WrapUps, err = s.parts.Calls.WrapUps(ctx, in.ID); err != nil {
		return nil, s.problem(ctx, err)
	}
	if len(out.WrapUps) > 0 {
		out.Disposition, out.Tags = out.WrapUps[0].Disposition, out.WrapUps[0].Tags
	}
	one := []call.Summary{out.Summary}
	s.refresh(one)
	out.Summary = one[0]
	if out.HasRecording {
		out.Recording = &RecordingView{DurationMS: r.Recording.Duration.Milliseconds(), Bytes: r.Recording.Bytes, URL: base + "/calls/" + r.ID + "/recording"}
	}
	return &bodyOf[CallDetail]{out}, nil
}

// runningOnly answers for a call that the database does not have yet, or cannot tell about now.
func (s *Server) runningOnly(ctx context.Context, id string, err error) (*bodyOf[CallDetail], error) {
	if errors.Is(err, pg.ErrNotFound) || errors.Is(err, pg.ErrUnavailable) {
		for _, snap := range s.parts.Live.Live() {
			if snap.ID == id {
				return &bodyOf[CallDetail]{CallDetail{Summary: snap.Summary, Legs: []LegView{}, Data: map[string]any{}, WrapUps: []call.WrapUp{}}}, nil
			}
		}
	}
	return nil, s.problem(ctx, err)
}

func legView(l *call.LegRecord) LegView {
	q := l.Quality
	return LegView{N: l.N, Side: l.Side, Role: l.Role, User: l.User, Direction: l.Direction, Peer: l.Peer, Codec: l.Codec, Transport: l.Transport, Secure: l.Secure,
		StartedAt: pg.OrNull(l.StartedAt), AnsweredAt: pg.OrNull(l.AnsweredAt), EndedAt: pg.OrNull(l.EndedAt), Cause: l.Cause,
		PacketsIn: q.PacketsIn, PacketsOut: q.PacketsOut, Lost: q.Lost, LossPct: q.LossPct, JitterMS: q.JitterMS, RTTMS: q.RTTMS, MOS: q.MOS}
}

func (s *Server) getTranscript(ctx context.Context, in *callInput) (*bodyOf[Transcript], error) {
	utterances, err := s.parts.Calls.Utterances(ctx, in.ID)
	if err == nil && len(utterances) == 0 {
		_, err = s.parts.Calls.Get(ctx, in.ID) // no words is no error, no call is one
	}
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := Transcript{Items: make([]call.TranscriptItem, len(utterances))}
	for i := range utterances {
		out.Items[i] = utterances[i].Item()
	}
	return &bodyOf[Transcript]{out}, nil
}

func (s *Server) hangUp(ctx context.Context, in *callInput) (*struct{}, error) {
	who := callerOf(ctx)
	if !who.User.Role.may(RoleSupervisor) && (s.parts.Control == nil || !s.parts.Control.Takes(in.ID, who.User.Username)) {
		return nil, huma.Error403Forbidden("this is not your call")
	}
	// Written first: ending somebody's call leaves a trace even when the rest fails.
	if err := s.audit.write(ctx, who.entry(actCallHangup, callSubject(in.ID))); err != nil {
		return nil, s.problem(ctx, err)
	}
	return nil, s.problem(ctx, s.parts.Live.Hangup(in.ID, call.CauseAdmin))
}
