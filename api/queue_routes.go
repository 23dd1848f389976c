package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/jackc/pgx/v5"

	"tingxin/pg"
	"tingxin/queue"
	"tingxin/team"
)

// QueueBoard is one queue of the live board.
type QueueBoard struct {
	ID         queue.QueueID `json:"id"`
	Name       string        `json:"name"`
	Waiting    int           `json:"waiting"`
	Callbacks  int           `json:"callbacks" doc:"of those waiting"`
	Ringing    int           `json:"ringing" doc:"of those waiting"`
	Active     int           `json:"active"`
	OldestMS   int64         `json:"oldest_ms"`
	Agents     int           `json:"agents" doc:"members at work"`
	Free       int           `json:"free" doc:"of those, with nothing on hand"`
	EstimateMS int64         `json:"estimate_ms" doc:"wait of one who came now; -1 when nobody is at work"`
	HandleMS   int64         `json:"handle_ms" doc:"mean handle time"`
	Percent    int           `json:"promise_percent" doc:"of the service level"`
	WithinMS   int64         `json:"promise_ms"`
	Today      queue.Served  `json:"today"`
	Recent     queue.Served  `json:"last_30_min"`
}

// QueueBoards is the body of GET /queues/board.
type QueueBoards struct {
	At    time.Time    `json:"at"`
	Items []QueueBoard `json:"items"`
}

// WorkView is one piece of work.
type WorkView struct {
	ID         queue.WorkID    `json:"id"`
	Kind       queue.Kind      `json:"kind" enum:"voice,chat,message,ticket"`
	Queue      queue.QueueID   `json:"queue"`
	Urgency    queue.Urgency   `json:"urgency"`
	Phase      queue.Phase     `json:"phase" enum:"waiting,offered,assigned,active,ended"`
	Since      time.Time       `json:"since"`
	Agent      queue.AgentID   `json:"agent,omitempty"`
	WasWith    queue.AgentID   `json:"was_with,omitempty" doc:"agent who lost it"`
	Callback   bool            `json:"callback,omitempty"`
	Overflow   bool            `json:"overflow,omitempty"`
	Alerted    bool            `json:"alerted,omitempty" doc:"waited longer than the hard limit"`
	AnsweredAt *time.Time      `json:"answered_at,omitempty"`
	Deadline   *time.Time      `json:"deadline,omitempty"`
	Why        *queue.Decision `json:"why,omitempty"`
}

// WorkList is the body of GET /queues/work.
type WorkList struct {
	Items []WorkView `json:"items"`
}

// QueueList is the body of GET /queues.
type QueueList struct {
	Items []queue.QueueDoc `json:"items"`
}

// SkillList is the body of GET /skills.
type SkillList struct {
	Items []queue.Skill `json:"items"`
}

// CalendarList is the body of GET /calendars.
type CalendarList struct {
	Items []queue.Calendar `json:"items"`
}

// DecisionList is the body of GET /queues/work/{id}/why.
type DecisionList struct {
	Items []queue.Decision `json:"items"`
}

func workView(it *queue.Item) WorkView {
	return WorkView{ID: it.ID, Kind: it.Kind, Queue: it.Queue, Urgency: it.Urgency, Phase: it.Phase, Since: it.Since, Agent: it.Agent, WasWith: it.WasWith,
		Callback: it.Callback != nil, Overflow: it.Overflow, Alerted: it.Guarded, AnsweredAt: pg.OrNull(it.AnsweredAt), Deadline: pg.OrNull(it.Deadline), Why: it.Decision}
}

func (s *Server) queueRoutes(api huma.API) {
	huma.Register(api, operation("queue-board", http.MethodGet, "/queues/board", "queues", "All queues as they are now"), s.queueBoard)
	huma.Register(api, operation("queue-work", http.MethodGet, "/queues/work", "queues", "Waiting and running work, at most 500 pieces"), s.queueWork)
	huma.Register(api, operation("why", http.MethodGet, "/queues/work/{id}/why", "queues", "Why a piece of work went to whom, newest first"), s.why)
	huma.Register(api, noContent("assign-work", http.MethodPost, "/queues/work/{id}/assign", "Give work to an agent by hand", 404, 409), s.assignWork)
	huma.Register(api, noContent("move-work", http.MethodPost, "/queues/work/{id}/move", "Move work to another queue", 404, 409), s.moveWork)
	huma.Register(api, noContent("remove-work", http.MethodDelete, "/queues/work/{id}", "Take work out of its queue; a ticket is in none then, a conversation stays", 404, 409), s.removeWork)

	huma.Register(api, operation("queues", http.MethodGet, "/queues", "queues", "Settings of all queues"), s.listQueues)
	huma.Register(api, noContent("put-queue", http.MethodPut, "/queues/{id}", "Add or change a queue", 404, 422), s.putQueue)
	huma.Register(api, noContent("delete-queue", http.MethodDelete, "/queues/{id}", "Take a queue away; one with work in it stays", 404, 409), s.deleteQueue)
	huma.Register(api, operation("skills", http.MethodGet, "/skills", "queues", "All skills"), s.listSkills)
	huma.Register(api, noContent("put-skill", http.MethodPut, "/skills/{name}", "Add or rename a skill", 422), s.putSkill)
	huma.Register(api, noContent("delete-skill", http.MethodDelete, "/skills/{name}", "Take a skill away, from its agents too", 404), s.deleteSkill)
	huma.Register(api, operation("calendars", http.MethodGet, "/calendars", "queues", "All calendars"), s.listCalendars)
	huma.Register(api, noContent("put-calendar", http.MethodPut, "/calendars/{name}", "Add or change a calendar", 422), s.putCalendar)
	huma.Register(api, noContent("delete-calendar", http.MethodDelete, "/calendars/{name}", "Take a calendar away; one that a queue has stays", 404, 409), s.deleteCalendar)
	huma.Register(api, operation("versions-of-calendar", http.MethodGet, "/settings/calendars/{name}/versions", "settings", "All versions that are kept, the newest first", 404), s.calendarVersions)
	huma.Register(api, noContent("live-calendar", http.MethodPost, "/settings/calendars/{name}/live", "Make an older version count", 404, 422), s.rollBackCalendar)
	huma.Register(api, operation("import-holidays", http.MethodPost, "/calendars/{name}/holidays", "queues", "Add the whole-day events of an iCalendar document as holidays; days that are there stay", 404, 422), s.importHolidays)
}

// noContent is an operation of the queues without an answer.
func noContent(id, method, path, summary string, errs ...int) huma.Operation {
	op := operation(id, method, path, "queues", summary, errs...)
	op.DefaultStatus = http.StatusNoContent
	return op
}

// errNoQueues is for a server that runs without queues.
func errNoQueues() error { return huma.Error503ServiceUnavailable("this server has no queues") }

func (s *Server) queueBoard(ctx context.Context, _ *struct{}) (*bodyOf[QueueBoards], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	boards, err := s.parts.Queues.Boards(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out, sight := QueueBoards{At: s.now().UTC(), Items: []QueueBoard{}}, team.Of(ctx)
	for _, b := range boards {
		if !sight.ShowsQueue(team.Reports, string(b.Queue)) {
			continue
		}
		out.Items = append(out.Items, QueueBoard{ID: b.Queue, Name: b.Name, Waiting: b.Waiting, Callbacks: b.Callbacks, Ringing: b.Ringing, Active: b.Active, OldestMS: b.Oldest.Milliseconds(),
			Agents: b.Agents, Free: b.Free, EstimateMS: estimateMS(b.Estimate), HandleMS: b.Handle.Milliseconds(), Percent: b.Promise.Percent, WithinMS: b.Promise.Within.Milliseconds(), Today: b.Today, Recent: b.Recent})
	}
	return &bodyOf[QueueBoards]{out}, nil
}

func estimateMS(d time.Duration) int64 {
	if d < 0 {
		return -1
	}
	return d.Milliseconds()
}

type workInput struct {
	Queue queue.QueueID `query:"queue" maxLength:"64" doc:"all queues when empty"`
}

func (s *Server) queueWork(ctx context.Context, in *workInput) (*bodyOf[WorkList], error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	if err := s.namesQueues(ctx, string(in.Queue)); err != nil {
		return nil, err
	}
	items, err := s.parts.Queues.Items(ctx, in.Queue)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	out := WorkList{Items: []WorkView{}}
	for i := range items {
		if !seesWork(ctx, items[i].Kind, items[i].Queue, items[i].Agent) {
			continue
		}
		out.Items = append(out.Items, workView(&items[i]))
	}
	return &bodyOf[WorkList]{out}, nil
}

// WorkPath names a piece of work in a path.
type WorkPath struct {
	ID queue.WorkID `path:"id" maxLength:"128"`
}

// workNouns are what work of a kind is.
var workNouns = map[queue.Kind]team.Noun{queue.KindVoice: team.Calls, queue.KindChat: team.Conversations, queue.KindMessage: team.Conversations, queue.KindTicket: team.Tickets}

func seesWork(ctx context.Context, kind queue.Kind, q queue.QueueID, agent queue.AgentID) bool {
	h := team.Holders{Queues: []string{string(q)}}
	if n, err := strconv.ParseInt(string(agent), 10, 64); err == nil {
		h.Users = []int64{n}
	}
	return team.Of(ctx).Shows(workNouns[kind], h)
}

// seenWork refuses work that the sight of ctx does not see.
func (s *Server) seenWork(ctx context.Context, id queue.WorkID) error {
	if team.Of(ctx) == nil {
		return nil
	}
	type row struct {
		Kind  queue.Kind
		Queue queue.QueueID
		Agent queue.AgentID
	}
	all, err := pg.Rows(ctx, s.db, pgx.RowToStructByPos[row], `select kind, queue_id, coalesce(agent_id::text, '') from queue_work where id = $1 order by entered_at desc limit 20`, string(id))
	if err != nil {
		return s.problem(ctx, err)
	}
	for _, r := range all {
		if seesWork(ctx, r.Kind, r.Queue, r.Agent) {
			return nil
		}
	}
	return huma.Error404NotFound("there is no such thing")
}

func (s *Server) why(ctx context.Context, in *WorkPath) (*bodyOf[DecisionList], error) {
	if err := s.seenWork(ctx, in.ID); err != nil {
		return nil, err
	}
	all, err := queue.NewStore(s.db).Decisions(ctx, in.ID)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[DecisionList]{DecisionList{all}}, nil
}

type assignInput struct {
	WorkPath
	Body struct {
		Agent queue.AgentID `json:"agent" pattern:"^[0-9]{1,18}$"`
	}
}

func (s *Server) assignWork(ctx context.Context, in *assignInput) (*struct{}, error) {
	return s.withWork(ctx, actWorkAssigned, in.ID, map[string]any{"agent": in.Body.Agent}, func(who *caller) error {
		return s.assignTo(ctx, in.ID, in.Body.Agent, who.User.Username)
	})
}

type moveInput struct {
	WorkPath
	Body struct {
		Queue queue.QueueID `json:"queue" maxLength:"64"`
	}
}

func (s *Server) moveWork(ctx context.Context, in *moveInput) (*struct{}, error) {
	return s.withWork(ctx, actWorkMoved, in.ID, map[string]any{"queue": in.Body.Queue}, func(*caller) error {
		return s.moveTo(ctx, in.ID, in.Body.Queue)
	})
}

func (s *Server) removeWork(ctx context.Context, in *WorkPath) (*struct{}, error) {
	return s.withWork(ctx, actWorkRemoved, in.ID, nil, func(*caller) error { return s.takeOut(ctx, in.ID) })
}

// withWork does something to work and writes the audit row once it is done.
func (s *Server) withWork(ctx context.Context, action act, id queue.WorkID, detail map[string]any, do func(*caller) error) (*struct{}, error) {
	if s.parts.Queues == nil {
		return nil, errNoQueues()
	}
	if err := s.seenWork(ctx, id); err != nil {
		return nil, err
	}
	who := callerOf(ctx)
	if err := do(who); err != nil {
		return nil, s.problem(ctx, err)
	}
	e := who.entry(action, "work:"+string(id))
	e.Detail = detail
	return nil, s.problem(ctx, s.audit.write(ctx, e))
}

func (s *Server) listQueues(ctx context.Context, _ *struct{}) (*bodyOf[QueueList], error) {
	d, err := queue.NewStore(s.db).Document(ctx)
	if err != nil {
		return nil, s.problem(ctx, err)
	}
	return &bodyOf[QueueList]{QueueList{some(d.Queues)}}, nil
}

// some is never nil.
func some[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// setting changes settings of the queues with their audit row in one
// transaction, then lets them count.
func (s *Server) setting(ctx context.Context, action act, subject string, change func(*queue.Store, pgx.Tx) error) (*struct{}, error) {
	err := s.db.Tx(ctx, func(tx pgx.Tx) error {
		if err := change(queue.NewStore(s.db), tx); err != nil {
			return err
		}
		return s.audit.add(ctx, tx, callerOf(ctx).entry(action, subject))
	})
	if err != nil {
		return nil, s.settingProblem(ctx, err)
	}
	return nil, s.reloadQueues(ctx)
}

// reloadQueues lets changed settings count.
func (s *Server) reloadQueues(ctx context.Context) error {
	if s.parts.Queues == nil {
		return nil
	}
	return s.problem(ctx, s.parts.Queues.Reload(ctx))
}

type queueInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body queue.QueueDoc
}

func (s *Server) putQueue(ctx context.Context, in *queueInput) (*struct{}, error) {
	if string(in.Body.ID) != in.ID {
		return nil, huma.Error422UnprocessableEntity("the id in the path and in the body differ")
	}
	if flow := in.Body.ClosedFlow; flow != "" && s.parts.Setup != nil {
		if _, there := s.parts.Setup.Flows.Flow(flow); !there {
			return nil, unfitField("body.closed_flow", fmt.Sprintf("there is no flow %.64q", flow))
		}
	}
	return s.setting(ctx, actQueueChanged, "queue:"+in.ID, func(st *queue.Store, tx pgx.Tx) error { return st.PutQueueDoc(ctx, tx, in.Body) })
}

// NamePath names a skill or a calendar in a path.
type NamePath struct {
	Name string `path:"name" maxLength:"64"`
}

type queueName struct {
	ID queue.QueueID `path:"id" maxLength:"64"`
}

func (s *Server) deleteQueue(ctx context.Context, in *queueName) (*struct{}, error) {
	return s.setting(ctx, actQueueDeleted, "queue:"+string(in.ID), func(st *queue.Store, tx pgx.Tx) error { return st.DeleteQueue(ctx, tx, in.ID) })
}

func (s *Server) listSkills(ctx context.Context, _ *struct{}) (*bodyOf[SkillList], error) {
	all, err := queue.NewStore(s.db).Skills(ctx)
	return &bodyOf[SkillList]{SkillList{some(all)}}, s.problem(ctx, err)
}

type skillInput struct {
	NamePath
	Body struct {
		Label string `json:"label" maxLength:"100"`
	}
}

func (s *Server) putSkill(ctx context.Context, in *skillInput) (*struct{}, error) {
	return s.setting(ctx, actSkillChanged, "skill:"+in.Name, func(st *queue.Store, tx pgx.Tx) error {
		return st.PutSkill(ctx, tx, queue.Skill{Name: in.Name, Label: plain(in.Body.Label)})
	})
}

func (s *Server) deleteSkill(ctx context.Context, in *NamePath) (*struct{}, error) {
	return s.setting(ctx, actSkillDeleted, "skill:"+in.Name, func(st *queue.Store, tx pgx.Tx) error { return st.DeleteSkill(ctx, tx, in.Name) })
}
