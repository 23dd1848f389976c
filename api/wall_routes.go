package api

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/jackc/pgx/v5"

	"tingxin/admin"
	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

func init() {
	access[http.MethodGet+" "+base+"/queues/alerts"] = RoleSupervisor
	access[http.MethodPost+" "+base+"/queues/alerts/:id/acknowledge"] = RoleSupervisor
	access[http.MethodGet+" "+base+"/kiosks"] = RoleAdmin
	access[http.MethodPost+" "+base+"/kiosks"] = RoleAdmin
	access[http.MethodDelete+" "+base+"/kiosks/:id"] = RoleAdmin
	access[http.MethodGet+" "+base+"/wall/mine"] = RoleAgent
	access[http.MethodGet+" "+base+"/wall"] = public          // has its own rule: a kiosk's token
	access[http.MethodGet+" "+base+"/wall/realtime"] = public // the same, or a login
}

func (s *Server) wallRoutes(api huma.API) {
	huma.Register(api, operation("queue-alerts", http.MethodGet, "/queues/alerts", "queues", "Alerts of queues that hold, and those of the last 24 hours"), s.queueAlerts)
	huma.Register(api, noContent("acknowledge-queue-alert", http.MethodPost, "/queues/alerts/{id}/acknowledge", "Say that an alert was seen, or silence it for a while", 404, 422), s.acknowledgeAlert)
	huma.Register(api, operation("kiosks", http.MethodGet, "/kiosks", "settings", "Wallboards that work without a login"), s.listKiosks)
	create := operation("create-kiosk", http.MethodPost, "/kiosks", "settings", "Add a wallboard; its token is told this once", 422)
	create.DefaultStatus = http.StatusCreated
	huma.Register(api, create, s.createKiosk)
	remove := operation("revoke-kiosk", http.MethodDelete, "/kiosks/{id}", "settings", "End a wallboard at once", 404)
	remove.DefaultStatus = http.StatusNoContent
	huma.Register(api, remove, s.revokeKiosk)
	huma.Register(api, operation("wall", http.MethodGet, "/wall", "queues", "The figures of a wallboard, by its token", 401, 429), s.kioskWall)
	huma.Register(api, operation("my-wall", http.MethodGet, "/wall/mine", "queues", "The figures of a wallboard, by login"), s.myWall)
}

// QueueAlert is a rule that holds, or held, for a queue.
type QueueAlert struct {
	ID           int64      `json:"id"`
	Rule         string     `json:"rule"`
	Label        string     `json:"label,omitempty"`
	Queue        string     `json:"queue"`
	Severity     string     `json:"severity" enum:"warning,critical"`
	Metric       string     `json:"metric" enum:"waiting,oldest,level,abandoned,free,agents,estimate"`
	Operator     string     `json:"operator"`
	Bound        float64    `json:"bound"`
	Value        float64    `json:"value" doc:"the worst so far"`
	RaisedAt     time.Time  `json:"raised_at"`
	EndedAt      *time.Time `json:"ended_at,omitempty"`
	AckedBy      string     `json:"acked_by,omitempty"`
	AckedAt      *time.Time `json:"acked_at,omitempty"`
	SnoozedUntil *time.Time `json:"snoozed_until,omitempty"`
}

// QueueAlertList is the body of GET /queues/alerts.
type QueueAlertList struct {
	Items []QueueAlert `json:"items"`
}

func (s *Server) queueAlerts(ctx context.Context, _ *struct{}) (*bodyOf[QueueAlertList], error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	all, err := s.parts.Setup.Raised(ctx, s.now().Add(-24*time.Hour))
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	rules := s.parts.Setup.Now().Alerts
	out := QueueAlertList{Items: []QueueAlert{}}
	sight := team.Of(ctx)
	for i := range all {
		if !sight.ShowsQueue(team.Reports, all[i].Queue) {
			continue
		}
		out.Items = append(out.Items, queueAlert(&all[i], rules))
	}
	return &bodyOf[QueueAlertList]{out}, nil
}

func queueAlert(r *admin.Raised, rules map[string]*admin.AlertRule) QueueAlert {
	v := QueueAlert{ID: r.ID, Rule: r.Rule, Queue: r.Queue, Severity: r.Severity, Metric: r.Metric, Operator: r.Operator, Bound: r.Bound, Value: r.Value,
		RaisedAt: r.RaisedAt.UTC(), EndedAt: r.EndedAt, AckedBy: r.AckedBy, AckedAt: r.AckedAt, SnoozedUntil: r.SnoozedUntil}
	if rule := rules[r.Rule]; rule != nil {
		v.Label = rule.Label
	}
	return v
}

// RowPath names a row by its number.
type RowPath struct {
	ID int64 `path:"id" minimum:"1"`
}

type acknowledgeInput struct {
	RowPath
	Body struct {
		Minutes int `json:"minutes,omitempty" minimum:"0" maximum:"1440" doc:"of silence; 0: only seen"`
	}
}

func (s *Server) acknowledgeAlert(ctx context.Context, in *acknowledgeInput) (*struct{}, error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	who, now := callerOf(ctx), s.now()
	action := actQueueAlertAcknowledged
	var until *time.Time
	if in.Body.Minutes > 0 {
		t := now.Add(time.Duration(in.Body.Minutes) * time.Minute)
		until, action = &t, actQueueAlertSnoozed
	}
	if sight := team.Of(ctx); !sight.Whole(team.Reports) {
		all, err := s.parts.Setup.Raised(ctx, now)
		if err != nil {
			return nil, s.problem(ctx, err)
		}
		if !slices.ContainsFunc(all, func(r admin.Raised) bool { return r.ID == in.ID && sight.ShowsQueue(team.Reports, r.Queue) }) {
			return nil, huma.Error404NotFound("there is no such thing")
		}
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Setup.Acknowledge(ctx, tx, in.ID, who.User.Username, now, until); err != nil {
			return err
		}
		e := who.entry(action, "queue_alert:"+strconv.FormatInt(in.ID, 10))
		e.Detail = map[string]any{"minutes": in.Body.Minutes}
		return s.audit.add(ctx, tx, e)
	})
	return nil, s.problem(ctx, err)
}

// KioskView is a wallboard as administrators see it.
type KioskView struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Queues    []string   `json:"queues" doc:"none shows all"`
	Names     bool       `json:"names" doc:"of agents"`
	CreatedBy string     `json:"created_by"`
	CreatedAt time.Time  `json:"created_at"`
	SeenAt    *time.Time `json:"seen_at,omitempty"`
}

// KioskList is the body of GET /kiosks.
type KioskList struct {
	Items []KioskView `json:"items"`
}

func (s *Server) listKiosks(ctx context.Context, _ *struct{}) (*bodyOf[KioskList], error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	all, err := s.parts.Setup.Kiosks(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := KioskList{Items: []KioskView{}}
	for _, k := range all {
		out.Items = append(out.Items, KioskView{k.ID, k.Name, some(k.Queues), k.Names, k.CreatedBy, k.CreatedAt.UTC(), k.SeenAt})
	}
	return &bodyOf[KioskList]{out}, nil
}

type kioskInput struct {
	Body struct {
		Name   string   `json:"name" minLength:"1" maxLength:"100"`
		Queues []string `json:"queues,omitempty" maxItems:"100" doc:"none shows all"`
		Names  bool     `json:"names,omitempty" doc:"show the names of agents"`
	}
}

// NewKiosk is the body of the answer to POST /kiosks.
type NewKiosk struct {
	ID    int64  `json:"id"`
	Token string `json:"token" doc:"for the page /wall#token; it is not kept and cannot be shown again"`
}

func (s *Server) createKiosk(ctx context.Context, in *kioskInput) (*bodyOf[NewKiosk], error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	if err := s.namesQueues(ctx, in.Body.Queues...); err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	var out NewKiosk
	err := s.db.Tx(ctx, func(tx pgx.Tx) (err error) {
		k := admin.Kiosk{Name: plain(in.Body.Name), Queues: in.Body.Queues, Names: in.Body.Names, CreatedBy: who.User.Username, CreatedAt: s.now()}
		if out.ID, out.Token, err = s.parts.Setup.AddKiosk(ctx, tx, k); err != nil {
			return err
		}
		e := who.entry(actKioskCreated, "kiosk:"+strconv.FormatInt(out.ID, 10))
		e.Detail = map[string]any{"names": k.Names, "queues": len(k.Queues)}
		return s.audit.add(ctx, tx, e)
	})
	if err != nil {
		return nil, s.setupProblem(ctx, err)
	}
	return &bodyOf[NewKiosk]{out}, nil
}

func (s *Server) revokeKiosk(ctx context.Context, in *RowPath) (*struct{}, error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := s.parts.Setup.RevokeKiosk(ctx, tx, in.ID, s.now()); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(actKioskRevoked, "kiosk:"+strconv.FormatInt(in.ID, 10)))
	})
	if err == nil {
		s.feed.disconnect(kioskUser + strconv.FormatInt(in.ID, 10))
	}
	return nil, s.problem(ctx, err)
}

// WallQueue is a queue of a wallboard. Figures that cannot be told are -1.
type WallQueue struct {
	ID         string  `json:"id"`
	Name       string  `json:"name"`
	Waiting    int     `json:"waiting"`
	OldestMS   int64   `json:"oldest_ms"`
	Active     int     `json:"active"`
	Agents     int     `json:"agents"`
	Free       int     `json:"free"`
	EstimateMS int64   `json:"estimate_ms"`
	Level      float64 `json:"level" doc:"percent in time today"`
	Recent     float64 `json:"level_30_min"`
	Promise    int     `json:"promise_percent"`
	WithinMS   int64   `json:"promise_ms"`
	Answered   int     `json:"answered_today"`
	Abandoned  int     `json:"abandoned_today"`
	Alert      string  `json:"alert,omitempty" enum:"warning,critical" doc:"the worst that holds and is not silenced"`
}

// WallAgents counts agents by what they do.
type WallAgents struct {
	Available int      `json:"available"`
	Busy      int      `json:"busy" doc:"ringing or talking"`
	WrapUp    int      `json:"wrap_up"`
	Away      int      `json:"away"`
	Free      []string `json:"free_names" doc:"only where the wallboard shows names"`
}

// Wall is what a wallboard shows.
type Wall struct {
	At     time.Time   `json:"at"`
	Name   string      `json:"name,omitempty" doc:"of the wallboard"`
	Queues []WallQueue `json:"queues"`
	Agents WallAgents  `json:"agents"`
}

type kioskToken struct {
	Token string `header:"X-Kiosk-Token" maxLength:"200"`
	from  string
}

// Resolve notes the client of a public operation.
func (in *kioskToken) Resolve(ctx huma.Context) []error {
	in.from = humagin.Unwrap(ctx).ClientIP()
	return nil
}

// kioskWall answers a wallboard's token; too many wrong ones from one address are refused for a minute.
func (s *Server) kioskWall(ctx context.Context, in *kioskToken) (*bodyOf[Wall], error) {
	if s.parts.Setup == nil {
		return nil, errNoSetup()
	}
	k, err := s.kioskOf(ctx, in.Token, in.from)
	switch {
	case errors.Is(err, errTokens):
		return nil, huma.Error429TooManyRequests("too many wrong tokens; wait a minute")
	case errors.Is(err, pg.ErrNotFound):
		return nil, errKiosk
	case err != nil:
		return nil, s.problem(ctx, err)
	}
	return s.wallBody(ctx, k)
}

// errTokens says that too many wrong tokens came from one address.
var errTokens = errors.New("too many wrong tokens")

// kioskOf is the wallboard of a token that came from an address; errTokens, pg.ErrNotFound.
func (s *Server) kioskOf(ctx context.Context, token, from string) (admin.Kiosk, error) {
	now := s.now()
	switch {
	case s.kiosks.shut(from, now):
		return admin.Kiosk{}, errTokens
	case token == "":
		return admin.Kiosk{}, pg.ErrNotFound
	}
	k, err := s.parts.Setup.FindKiosk(ctx, token, now)
	if errors.Is(err, pg.ErrNotFound) {
		s.kiosks.wrong(from, now)
	}
	return k, err
}

var errKiosk = huma.Error401Unauthorized("this wallboard has no token, or one that was revoked")

func (s *Server) myWall(ctx context.Context, _ *struct{}) (*bodyOf[Wall], error) {
	return s.wallBody(ctx, wallOfSight(team.Of(ctx)))
}

// wallOfSight is the wallboard of who is signed in: of the queues that its sight sees.
func wallOfSight(v *team.Sight) (k admin.Kiosk) {
	if h, narrow := v.Least(team.Reports); narrow {
		k.Queues = append([]string{""}, h.Queues...) // never none: that would be all
	}
	return k
}

func (s *Server) wallBody(ctx context.Context, k admin.Kiosk) (*bodyOf[Wall], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	out, err := s.wall(ctx, k)
	return &bodyOf[Wall]{out}, s.problem(ctx, err)
}

// figures are what all wallboards are made of.
type figures struct {
	boards []queue.Board
	alerts map[string]string
	agents []queue.Agent
}

// figures reads them once; the server has queues.
func (s *Server) figures(ctx context.Context) (f figures, err error) {
	if f.boards, err = s.parts.Queues.Boards(ctx); err != nil {
		return f, err
	}
	if f.alerts, err = s.worst(ctx); err != nil {
		return f, err
	}
	f.agents, err = s.parts.Queues.Agents(ctx)
	return f, err
}

// wall is what a wallboard shows now; the server has queues.
func (s *Server) wall(ctx context.Context, k admin.Kiosk) (Wall, error) {
	f, err := s.figures(ctx)
	if err != nil {
		return Wall{}, err
	}
	return f.wall(k, s.now()), nil
}

// wall is what one wallboard shows of them.
func (f *figures) wall(k admin.Kiosk, now time.Time) Wall {
	out := Wall{At: now.UTC(), Name: k.Name, Queues: []WallQueue{}, Agents: WallAgents{Free: []string{}}}
	for _, b := range f.boards {
		if len(k.Queues) > 0 && !slices.Contains(k.Queues, string(b.Queue)) {
			continue
		}
		out.Queues = append(out.Queues, WallQueue{ID: string(b.Queue), Name: b.Name, Waiting: b.Waiting, OldestMS: b.Oldest.Milliseconds(), Active: b.Active, Agents: b.Agents, Free: b.Free,
			EstimateMS: estimateMS(b.Estimate), Level: b.Today.Level, Recent: b.Recent.Level, Promise: b.Promise.Percent, WithinMS: b.Promise.Within.Milliseconds(),
			Answered: b.Today.Answered, Abandoned: b.Today.Abandoned, Alert: f.alerts[string(b.Queue)]})
	}
	for i := range f.agents {
		out.Agents.count(&f.agents[i], k.Names)
	}
	return out
}

func (w *WallAgents) count(a *queue.Agent, names bool) {
	switch a.State {
	case queue.Available:
		w.Available++
		if names {
			w.Free = append(w.Free, a.Name)
		}
	case queue.Ringing, queue.Talking:
		w.Busy++
	case queue.Wrapping:
		w.WrapUp++
	case queue.Away:
		w.Away++
	}
}

// worst is the worst alert of each queue that holds and is not silenced.
func (s *Server) worst(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	if s.parts.Setup == nil {
		return out, nil
	}
	now := s.now()
	all, err := s.parts.Setup.Raised(ctx, now)
	for _, r := range all {
		if r.EndedAt != nil || r.SnoozedUntil != nil && r.SnoozedUntil.After(now) || out[r.Queue] == "critical" {
			continue
		}
		out[r.Queue] = r.Severity
	}
	return out, err
}

const (
	maxWrongTokens = 20 // of one address in a minute
	maxWrongPlaces = 10_000
)

// wrongTokens counts wrong tokens per address and minute, in memory.
type wrongTokens struct {
	mu    sync.Mutex
	since time.Time
	count map[string]int
}

func (w *wrongTokens) wrong(address string, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh(now)
	if len(w.count) < maxWrongPlaces {
		w.count[address]++
	}
}

func (w *wrongTokens) shut(address string, now time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fresh(now)
	return w.count[address] >= maxWrongTokens
}

func (w *wrongTokens) fresh(now time.Time) {
	if w.count == nil || now.Sub(w.since) > time.Minute {
		w.since, w.count = now, map[string]int{}
	}
}
