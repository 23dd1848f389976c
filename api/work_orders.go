package api

import (
	"context"
	"errors"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"tingxin/chat"
	"tingxin/queue"
	"tingxin/ticket"
)

// What a supervisor orders about work that is a conversation or a ticket is done to the conversation or the ticket:
// their rows are the truth, and the queue would be brought back in line with them.

// assignTo gives work to an agent.
func (s *Server) assignTo(ctx context.Context, id queue.WorkID, agent queue.AgentID, by string) error {
	user, err := strconv.ParseInt(string(agent), 10, 64)
	if err != nil {
		return queue.ErrNoAgent
	}
	if t, ok := ticket.OfWork(id); ok && s.parts.Tickets != nil {
		if a, err := s.parts.Queues.Agents(ctx); err != nil {
			return err
		} else if !slices.ContainsFunc(a, func(a queue.Agent) bool { return a.ID == agent }) {
			return queue.ErrNoAgent
		}
		if _, err := s.parts.Tickets.Change(ctx, t, ticket.Patch{Assignee: &user}, actorOf(ctx)); err != nil {
			return err
		}
		// The keeper does it anyhow, but not at once.
		_, err = s.parts.Queues.Assign(ctx, id, agent, by)
		return forgiven(err)
	}
	if c, ok := chat.IDOfWork(string(id)); ok && s.parts.Chat != nil {
		return s.parts.Chat.Assign(ctx, c, user, me(ctx))
	}
	_, err = s.parts.Queues.Assign(ctx, id, agent, by)
	return err
}

// moveTo puts work into another queue.
func (s *Server) moveTo(ctx context.Context, id queue.WorkID, to queue.QueueID) error {
	name := string(to)
	if t, ok := ticket.OfWork(id); ok && s.parts.Tickets != nil {
		if err := s.namesQueues(ctx, name); err != nil {
			return err
		}
		if _, err := s.parts.Tickets.Change(ctx, t, ticket.Patch{Queue: &name}, actorOf(ctx)); err != nil {
			return err
		}
		return forgiven(s.parts.Queues.Transfer(ctx, id, to))
	}
	if c, ok := chat.IDOfWork(string(id)); ok && s.parts.Chat != nil {
		if err := s.namesQueues(ctx, name); err != nil {
			return err
		}
		conv, err := s.parts.Chat.Conversation(ctx, c)
		if err != nil {
			return err
		}
		return s.parts.Chat.Transfer(ctx, c, name, conv.Packet, me(ctx))
	}
	return s.parts.Queues.Transfer(ctx, id, to)
}

// takeOut takes work out of its queue. A ticket is nobody's and in no queue then.
func (s *Server) takeOut(ctx context.Context, id queue.WorkID) error {
	if t, ok := ticket.OfWork(id); ok && s.parts.Tickets != nil {
		none, nobody := "", int64(0)
		if _, err := s.parts.Tickets.Change(ctx, t, ticket.Patch{Queue: &none, Assignee: &nobody}, actorOf(ctx)); err != nil {
			return err
		}
		return forgiven(s.parts.Queues.Remove(ctx, id))
	}
	if _, ok := chat.IDOfWork(string(id)); ok && s.parts.Chat != nil {
		return huma.Error409Conflict("a conversation that is open waits in a queue: close it, or move it to another")
	}
	return s.parts.Queues.Remove(ctx, id)
}

// forgiven forgets that the queue had no such work, or not in that state: the keeper settles it.
func forgiven(err error) error {
	if errors.Is(err, queue.ErrNoWork) || errors.Is(err, queue.ErrState) || errors.Is(err, queue.ErrGone) {
		return nil
	}
	return err
}
