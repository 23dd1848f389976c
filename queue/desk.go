package queue

import (
	"context"
	"time"
)

// Enqueue puts work into its queue and returns the Ticket that tells what becomes
// of it. Errors are ErrNoQueue, ErrFull, ErrThere, *ClosedError, or
// pg.ErrUnavailable when nothing can be written.
func (s *Service) Enqueue(ctx context.Context, w Work) (*Ticket, error) {
	w.Node = s.cfg.Node
	t := newTicket(s, w.ID)
	t.dialog.Store(w.Kind == KindVoice && w.Callback == nil)
	if !s.remember(t) {
		return nil, ErrThere
	}
	if _, err := s.ask(ctx, &request{Op: opEnqueue, Work: &w}); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

// Watch is a Ticket for work that is in a queue already, such as a call-back of
// an earlier run. It tells what comes from now on.
func (s *Service) Watch(id WorkID) (*Ticket, error) {
	t := newTicket(s, id)
	if !s.remember(t) {
		return nil, ErrThere
	}
	return t, nil
}

func (s *Service) remember(t *Ticket) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.tickets[t.Work] != nil {
		return false
	}
	s.tickets[t.Work] = t
	return true
}

func (s *Service) forget(t *Ticket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tickets[t.Work] == t {
		delete(s.tickets, t.Work)
	}
}

func (s *Service) do(ctx context.Context, req request) error {
	_, err := s.ask(ctx, &req)
	return err
}

// Cancel says that the customer left: rings stop, work on hand ends. A waiting
// call-back stays. It returns the cause, CauseAbandoned or CauseShortAbandon for one who waited.
func (s *Service) Cancel(ctx context.Context, id WorkID) (cause string, err error) {
	resp, err := s.ask(ctx, &request{Op: opCancel, ID: id})
	return resp.Cause, err
}

// Answered says that the customer and the agent are together, or that the agent sent the first reply.
func (s *Service) Answered(ctx context.Context, id WorkID) error {
	return s.do(ctx, request{Op: opAnswered, ID: id})
}

// Ended ends a contact that reached an agent; cause is CauseDone when empty.
func (s *Service) Ended(ctx context.Context, id WorkID, cause string) error {
	return s.do(ctx, request{Op: opEnded, ID: id, Text: cause})
}

// Transfer moves work to another queue; see Router.Transfer. A caller is not moved to a closed queue (*ClosedError).
func (s *Service) Transfer(ctx context.Context, id WorkID, to QueueID) error {
	return s.do(ctx, request{Op: opTransfer, ID: id, Queue: to})
}

// Assign gives work to an agent by hand; by is who did it. over tells that it exceeds the capacity.
func (s *Service) Assign(ctx context.Context, id WorkID, agent AgentID, by string) (over bool, err error) {
	resp, err := s.ask(ctx, &request{Op: opAssign, ID: id, Agent: agent, Text: by})
	return resp.Over, err
}

// KeepPlace turns a waiting caller into a call-back with the same place.
func (s *Service) KeepPlace(ctx context.Context, id WorkID, number string) error {
	return s.do(ctx, request{Op: opKeep, ID: id, Text: number})
}

// CallbackFailed says that the customer did not answer the call-back.
func (s *Service) CallbackFailed(ctx context.Context, id WorkID) error {
	return s.do(ctx, request{Op: opFailed, ID: id})
}

// AgentFailed says that the agent's device could not be reached after acceptance.
func (s *Service) AgentFailed(ctx context.Context, id WorkID, agent AgentID) error {
	return s.do(ctx, request{Op: opNoAgent, ID: id, Agent: agent})
}

// Pending says whether text work or a ticket waits for the customer.
func (s *Service) Pending(ctx context.Context, id WorkID, pending bool) error {
	return s.do(ctx, request{Op: opPending, ID: id, Flag: pending})
}

// Alive says that text work or a ticket goes on.
func (s *Service) Alive(ctx context.Context, id WorkID) error {
	return s.do(ctx, request{Op: opAlive, ID: id})
}

// Remove takes work out by somebody's order.
func (s *Service) Remove(ctx context.Context, id WorkID) error {
	return s.do(ctx, request{Op: opRemove, ID: id, Text: CauseRemoved})
}

// Skip takes an entry of a list out because the agent who looks at it does not want to call; ErrGone when it is not theirs.
func (s *Service) Skip(ctx context.Context, id WorkID, agent AgentID) error {
	return s.do(ctx, request{Op: opSkip, ID: id, Agent: agent})
}

// Withdraw takes an entry of a list out that nobody looks at yet; ErrState when somebody does.
func (s *Service) Withdraw(ctx context.Context, id WorkID) error {
	return s.do(ctx, request{Op: opWithdraw, ID: id})
}

// Accept takes an offer; ErrGone when it is over or not this agent's.
func (s *Service) Accept(ctx context.Context, t Token, agent AgentID) (Item, error) {
	resp, err := s.ask(ctx, &request{Op: opAccept, Token: t, Agent: agent})
	if err != nil || resp.Item == nil {
		return Item{}, err
	}
	return *resp.Item, nil
}

// Decline refuses an offer; busy tells that the device refused.
func (s *Service) Decline(ctx context.Context, t Token, agent AgentID, busy bool) error {
	return s.do(ctx, request{Op: opDecline, Token: t, Agent: agent, Flag: busy})
}

// SetPresence is what an agent, or a supervisor by force, chooses; see Router.SetPresence.
func (s *Service) SetPresence(ctx context.Context, agent AgentID, presence State, reason string) error {
	return s.do(ctx, request{Op: opPresence, Agent: agent, State: presence, Text: reason})
}

// Heartbeat says that an agent's desktop is there; send one every ten seconds.
func (s *Service) Heartbeat(ctx context.Context, agent AgentID) error {
	return s.do(ctx, request{Op: opBeat, Agent: agent})
}

// AskWrapUp is an agent asking for a wrap-up after the contact on hand.
func (s *Service) AskWrapUp(ctx context.Context, id WorkID, agent AgentID, wants bool) error {
	return s.do(ctx, request{Op: opAskWrap, ID: id, Agent: agent, Flag: wants})
}

// EndWrapUp ends an agent's wrap-ups; force is a supervisor's.
func (s *Service) EndWrapUp(ctx context.Context, agent AgentID, force bool) error {
	return s.do(ctx, request{Op: opEndWrap, Agent: agent, Flag: force})
}

// Desk is what an agent has before them.
type Desk struct {
	Agent   Agent
	Offer   *Offer // ringing now
	Offered *Item  // its work
	Work    []Item // on hand
}

// Desk is one agent's.
func (s *Service) Desk(ctx context.Context, agent AgentID) (Desk, error) {
	resp, err := s.ask(ctx, &request{Op: opAgent, Agent: agent})
	if err != nil || len(resp.Agents) != 1 {
		return Desk{}, err
	}
	return Desk{resp.Agents[0], resp.Offer, resp.Item, resp.Items}, nil
}

// Agents are all agents.
func (s *Service) Agents(ctx context.Context) ([]Agent, error) {
	resp, err := s.ask(ctx, &request{Op: opAgents})
	return resp.Agents, err
}

// Boards are all queues as a supervisor sees them.
func (s *Service) Boards(ctx context.Context) ([]Board, error) {
	resp, err := s.ask(ctx, &request{Op: opBoards})
	return resp.Boards, err
}

// Items is the work of a queue, or of all when empty, at most 500 pieces.
func (s *Service) Items(ctx context.Context, q QueueID) ([]Item, error) {
	resp, err := s.ask(ctx, &request{Op: opItems, Queue: q})
	return resp.Items, err
}

// Reload makes changed settings count.
func (s *Service) Reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return s.do(ctx, request{Op: opReload})
}
