package queue

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tingxin/pg"
)

// op is what can be asked of the deciding server.
type op string

const (
	opEnqueue  op = "enqueue"
	opCancel   op = "cancel"
	opAnswered op = "answered"
	opEnded    op = "ended"
	opTransfer op = "transfer"
	opAssign   op = "assign"
	opKeep     op = "keep_place"
	opFailed   op = "callback_failed"
	opNoAgent  op = "agent_failed"
	opPending  op = "pending"
	opAlive    op = "alive"
	opRemove   op = "remove"
	opSkip     op = "skip"
	opWithdraw op = "withdraw"
	opAccept   op = "accept"
	opDecline  op = "decline"
	opPresence op = "presence"
	opBeat     op = "heartbeat"
	opAskWrap  op = "ask_wrap_up"
	opEndWrap  op = "end_wrap_up"
	opAgents   op = "agents"
	opAgent    op = "agent"
	opBoards   op = "boards"
	opItems    op = "items"
	opReload   op = "reload"
	opRestart  op = "node_restarted"
	opGone     op = "dialog_gone"
)

// request is one thing asked; which fields count depends on Op.
type request struct {
	Op    op      `json:"op"`
	Work  *Work   `json:"work,omitempty"`
	ID    WorkID  `json:"id,omitempty"`
	Agent AgentID `json:"agent,omitempty"`
	Queue QueueID `json:"queue,omitempty"`
	Token Token   `json:"token,omitempty"`
	State State   `json:"state,omitempty"`
	Text  string  `json:"text,omitempty"` // reason, cause, number or who
	Flag  bool    `json:"flag,omitempty"`
}

// response is what came of it.
type response struct {
	Item   *Item     `json:"item,omitempty"`
	Cause  string    `json:"cause,omitempty"`
	Over   bool      `json:"over,omitempty"`
	Boards []Board   `json:"boards,omitempty"`
	Agents []Agent   `json:"agents,omitempty"`
	Items  []Item    `json:"items,omitempty"`
	Offer  *Offer    `json:"offer,omitempty"`
	Error  string    `json:"error,omitempty"` // for another server
	Code   string    `json:"code,omitempty"`  // of a known error
	Next   time.Time `json:"next,omitzero"`   // of ClosedError
}

// ClosedError says that a queue's calendar is closed; Next is when it opens, zero for never.
type ClosedError struct {
	Queue QueueID
	Next  time.Time
}

func (e *ClosedError) Error() string {
	if e.Next.IsZero() {
		return fmt.Sprintf("queue %s is closed", e.Queue)
	}
	return fmt.Sprintf("queue %s is closed until %s", e.Queue, e.Next.Format(time.RFC3339))
}

// codes carry known errors from server to server.
var codes = map[string]error{"no_queue": ErrNoQueue, "no_agent": ErrNoAgent, "no_work": ErrNoWork, "full": ErrFull, "there": ErrThere, "gone": ErrGone, "state": ErrState, "away": pg.ErrUnavailable}

// seal makes an answer for another server of a response and an error.
func seal(resp response, err error) json.RawMessage {
	if err != nil {
		resp = response{Error: err.Error()}
		for code, known := range codes {
			if errors.Is(err, known) {
				resp.Code = code
			}
		}
		if closed := new(ClosedError); errors.As(err, &closed) {
			resp.Code, resp.Next, resp.Cause = "closed", closed.Next, string(closed.Queue)
		}
	}
	doc, err := json.Marshal(resp)
	if err != nil { // a number that JSON cannot say
		return json.RawMessage(`{"error":"internal"}`)
	}
	return doc
}

// unseal is the way back.
func unseal(doc json.RawMessage) (response, error) {
	var resp response
	if err := json.Unmarshal(doc, &resp); err != nil {
		return resp, fmt.Errorf("answer of the deciding server: %w", err)
	}
	switch known := codes[resp.Code]; {
	case resp.Code == "closed":
		return response{}, &ClosedError{QueueID(resp.Cause), resp.Next}
	case known != nil:
		return response{}, &remoteError{resp.Error, known}
	case resp.Error != "":
		return response{}, errors.New(resp.Error)
	}
	return resp, nil
}

// remoteError is a known error with the other server's words.
type remoteError struct {
	text  string
	known error
}

func (e *remoteError) Error() string { return e.text }
func (e *remoteError) Unwrap() error { return e.known }

// apply does what is asked. It must not keep anything of the request.
func (d *dispatcher) apply(req *request, now time.Time) (resp response, err error) {
	r := d.router
	switch req.Op {
	case opEnqueue:
		return resp, d.enqueue(req.Work, now)
	case opCancel:
		resp.Cause, err = r.Cancel(req.ID, now)
	case opAnswered:
		err = r.Answered(req.ID, now)
	case opEnded:
		err = r.Ended(req.ID, req.Text, now)
	case opTransfer:
		err = d.transfer(req.ID, req.Queue, now)
	case opAssign:
		resp.Over, err = r.Assign(req.ID, req.Agent, req.Text, now)
	case opKeep:
		err = r.KeepPlace(req.ID, req.Text, now)
	case opFailed:
		err = r.CallbackFailed(req.ID, now)
	case opNoAgent:
		err = r.AgentFailed(req.ID, req.Agent, now)
	case opPending:
		err = r.Pending(req.ID, req.Flag, now)
	case opAlive:
		err = r.Alive(req.ID, now)
	case opRemove:
		err = r.Remove(req.ID, req.Text, now)
	case opWithdraw:
		err = r.Withdraw(req.ID, now)
	case opRestart:
		r.NodeLost(req.Text, req.Text, CauseRestart, now)
	case opGone:
		err = d.dialogGone(req.ID, now)
	default:
		return d.applyAgent(req, now)
	}
	return resp, err
}

// applyAgent does what agents and supervisors ask.
func (d *dispatcher) applyAgent(req *request, now time.Time) (resp response, err error) {
	r := d.router
	switch req.Op {
	case opAccept:
		var it Item
		if it, err = r.Accept(req.Token, req.Agent, now); err == nil {
			resp.Item = &it
		}
	case opDecline:
		err = r.Decline(req.Token, req.Agent, req.Flag, now)
	case opSkip:
		err = r.Skip(req.ID, req.Agent, now)
	case opPresence:
		err = r.SetPresence(req.Agent, req.State, req.Text, now)
	case opBeat:
		err = r.Heartbeat(req.Agent, now)
	case opAskWrap:
		err = r.AskWrapUp(req.ID, req.Agent, req.Flag, now)
	case opEndWrap:
		err = r.EndWrapUp(req.Agent, req.ID, req.Flag, now)
	case opAgents:
		resp.Agents = r.Agents()
	case opAgent:
		resp, err = d.oneAgent(req.Agent)
	case opBoards:
		resp.Boards = r.Boards(now)
	case opItems:
		resp.Items = d.items(req.Queue)
	case opReload: // by the caller, which may wait for the database
	default:
		err = fmt.Errorf("nobody knows how to %q", req.Op)
	}
	return resp, err
}

// dialogGone ends a call that is not there any more.
func (d *dispatcher) dialogGone(id WorkID, now time.Time) error {
	it, ok := d.router.Item(id)
	switch {
	case !ok:
		return ErrNoWork
	case it.Phase == Assigned || it.Phase == Active:
		return d.router.Ended(id, CauseNoDialog, now)
	}
	_, err := d.router.Cancel(id, now)
	return err
}

// oneAgent is an agent with the work on hand and the offer that rings.
func (d *dispatcher) oneAgent(id AgentID) (response, error) {
	a, ok := d.router.Agent(id)
	if !ok {
		return response{}, ErrNoAgent
	}
	resp := response{Agents: []Agent{a}}
	if o, rings := d.router.Offer(a.Offer); rings {
		resp.Offer = &o
		it, _ := d.router.Item(o.Work)
		resp.Item = &it
	}
	for _, w := range a.Work {
		it, _ := d.router.Item(w)
		resp.Items = append(resp.Items, it)
	}
	return resp, nil
}

// items is the work of a queue, or of all, at most 500 pieces.
func (d *dispatcher) items(q QueueID) []Item {
	var all []Item
	for _, it := range d.router.Items() {
		if (q == "" || it.Queue == q) && len(all) < 500 {
			all = append(all, it)
		}
	}
	return all
}

// enqueue looks at the opening hours first: somebody on the line or in a chat is
// not left waiting for a closed queue. What need not be answered at once is taken.
func (d *dispatcher) enqueue(w *Work, now time.Time) error {
	if w == nil {
		return errors.New("no work to enqueue")
	}
	q, ok := d.router.Queue(w.Queue)
	if !ok {
		return fmt.Errorf("queue %q: %w", w.Queue, ErrNoQueue)
	}
	if w.Callback == nil && (w.Kind == KindVoice || w.Kind == KindChat) {
		if err := d.closed(&q, now); err != nil {
			return err
		}
	}
	return d.router.Enqueue(*w, now)
}

// transfer moves work. Nobody on the line is moved to where nobody comes; chats are, as they may wait.
func (d *dispatcher) transfer(id WorkID, to QueueID, now time.Time) error {
	it, there := d.router.Item(id)
	if q, ok := d.router.Queue(to); ok && there && it.Kind == KindVoice && it.Callback == nil {
		if err := d.closed(&q, now); err != nil {
			return err
		}
	}
	return d.router.Transfer(id, to, now)
}

// closed is the ClosedError of a queue outside of its opening hours.
func (d *dispatcher) closed(q *Queue, now time.Time) error {
	c := d.calendars[q.Calendar]
	if c == nil || c.Open(now) {
		return nil
	}
	next, _ := c.NextOpen(now)
	return &ClosedError{q.ID, next}
}
